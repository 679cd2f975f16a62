#!/usr/bin/python3
# conformance/autobahn.py - Autobahn's fuzzing client against the echo of net_echo, each case judged by its number
"""autobahn.py --port N [--tls] [--cases 1.*,2.*] : net_echo must listen on 127.0.0.1:N.

The suite is of the age of Python 2: it needs a Python 2.7 with pip (pyenv install 2.7.18; POSTHORN_PYTHON2 names
another), and the network once, as pip puts it into build/tools/autobahn. Reports: build/test-logs/autobahn.
What must come out: OK everywhere, but
  9.*   messages beyond our cap of 128 KiB (LIMIT_SOCKET_BYTES, or 64 fragments) are closed with 1009
  7.1.6, 7.13.*  the suite only reports what we do: a message beyond the cap, and codes that nobody may use
  12.*, 13.*     permessage-deflate is never negotiated: unimplemented
Exits non-zero when anything else did; the last line is "N passed, M failed".
"""
import argparse
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOLS = os.path.join(ROOT, 'build', 'tools', 'autobahn')
REPORTS = os.path.join(ROOT, 'build', 'test-logs', 'autobahn')
RUN = 'import sys; sys.argv = ["wstest", "-m", "fuzzingclient", "-s", %r]; from autobahntestsuite.wstest import run; run()'
CASES = '1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*,12.1.1,13.1.1'
COUNT = 303                 # cases that these are
SECONDS = 900
# The cases of section 9 whose messages are within the cap.
WITHIN_CAP = {'9.1.1', '9.2.1'} | {'9.%d.%d' % (a, b) for a in (7, 8) for b in range(1, 7)}
ONLY_TOLD = {'7.1.6': 1009, '7.13.1': 1002, '7.13.2': 1002}     # and with which code we close


def python2():
    known = [os.environ.get('POSTHORN_PYTHON2'), 'python2.7', 'python2', 'pypy']
    known += sorted(glob.glob(os.path.expanduser('~/.pyenv/versions/2.7.*/bin/python')))
    for one in filter(None, known):
        try:
            done = subprocess.run([one, '-c', 'import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))'],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError:
            continue
        if done.returncode == 0:
            return one
    sys.exit('autobahn.py: there is no Python 2.7 with pip here (pyenv install 2.7.18)')


def install(python):
    if os.path.exists(os.path.join(TOOLS, 'complete')):
        return
    subprocess.run([python, '-W', 'ignore', '-m', 'pip', '--disable-pip-version-check', '-q', 'install', '--no-deps',
                    '--upgrade', '--target', TOOLS, '-r', os.path.join(HERE, 'autobahn.txt')], check=True)
    for package in ('zope',):           # a namespace whose .pth file is not read outside site-packages
        open(os.path.join(TOOLS, package, '__init__.py'), 'a').close()
    open(os.path.join(TOOLS, 'complete'), 'w').close()


def play(python, url, cases):
    os.makedirs(REPORTS, exist_ok=True)
    spec = os.path.join(REPORTS, 'fuzzingclient.json')
    index = os.path.join(REPORTS, 'index.json')
    if os.path.exists(index):
        os.unlink(index)
    with open(spec, 'w') as f:
        json.dump({'outdir': REPORTS, 'cases': cases, 'exclude-cases': [], 'exclude-agent-cases': {},
                   'servers': [{'agent': 'posthorn', 'url': url, 'options': {'version': 18}}]}, f)
    with open(os.path.join(REPORTS, 'wstest.log'), 'w') as log:
        subprocess.run([python, '-W', 'ignore', '-c', RUN % spec], env=dict(os.environ, PYTHONPATH=TOOLS), stdout=log,
                       stderr=subprocess.STDOUT, timeout=SECONDS, cwd=REPORTS)
    with open(index) as f:
        return json.load(f)['posthorn']


def wrong_with(case, got):
    """None, or what is wrong."""
    said = got['behavior'], got['behaviorClose'], got.get('remoteCloseCode')
    if case in ONLY_TOLD:
        fine = said == ('INFORMATIONAL', 'INFORMATIONAL', ONLY_TOLD[case])
    elif case.startswith('9.') and case not in WITHIN_CAP:
        fine = said[2] == 1009
    elif case.startswith(('12.', '13.')):
        fine = said[:2] == ('UNIMPLEMENTED', 'OK')
    else:
        fine = said[:2] == ('OK', 'OK')
    return None if fine else '%s, close: %s, code %s' % said


def by_number(case):
    return [int(n) for n in re.findall(r'\d+', case)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--tls', action='store_true')
    parser.add_argument('--cases', default=CASES)
    args = parser.parse_args()
    python = python2()
    install(python)
    got = play(python, '%s://127.0.0.1:%d/ws-echo' % ('wss' if args.tls else 'ws', args.port), args.cases.split(','))
    failed = 0
    for case in sorted(got, key=by_number):
        wrong = wrong_with(case, got[case])
        failed += wrong is not None
        if wrong:
            print('FAIL  %-8s %s' % (case, wrong))
    if args.cases == CASES and len(got) != COUNT:
        print('FAIL  %d cases were played, not %d' % (len(got), COUNT))
        failed += 1
    kinds = [one['behavior'] for one in got.values()]
    print('the suite itself says: ' + ', '.join('%d %s' % (kinds.count(kind), kind) for kind in sorted(set(kinds))))
    print('%d passed, %d failed' % (max(len(got) - failed, 0), failed + (not got)))
    sys.exit(0 if got and not failed else 1)


if __name__ == '__main__':
    main()
