# guard/counter.py - a posthornd whose instructions are counted by callgrind, stretch by stretch
#
# What would count differently on another machine is fixed: the instruction sets that libc and libcrypto choose from.
# quiet() waits until the server and its Postgres have nothing to do any more, so that what a client does next finds
# the same server in every run.
import os
import re
import shutil
import subprocess
import time

from house import House

# Without AVX and what came after it: every x86-64 machine of the last ten years counts as this one does.
PLAIN_CPU = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX_Fast_Unaligned_Load,-BMI1,-BMI2,-ERMS,-FMA,-FSRM,-LZCNT,-MOVBE"
                      ":glibc.cpu.x86_non_temporal_threshold=0xc0000:glibc.cpu.x86_shared_cache_size=0x100000",
    "OPENSSL_ia32cap": "~0x1000000000000000:0",
}
CALLGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--dump-line=no", "--collect-systime=nsec"]
MALLOC = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"}
QUIET_S = 20


class Counts:
    """What a stretch cost: instructions, system calls, calls that ask for memory; by function, too."""

    def __init__(self, path):
        self.instructions = self.system_calls = self.mallocs = 0
        self.self_cost, self.malloc_cost, self.names, self.objects = {}, {}, {}, {}
        with open(path) as dump:
            self._read(dump)

    @staticmethod
    def _said(names, word):
        """(12) malloc is said once, then (12)."""
        number, _, name = word.partition(" ")
        return names.setdefault(number, name)

    def _function(self, word, where):
        """What has no name is called by its library and place."""
        name = re.sub(r"'\d+$", "", self._said(self.names, word))
        return f"{os.path.basename(where)} {name}" if name.startswith("0x") else name

    def _read(self, dump):
        events, function, callee, where, is_call = [], None, None, "", False
        for line in dump:
            word, _, rest = line.rstrip("\n").partition("=")
            if line.startswith("events:"):
                events = line.split()[1:]
            elif word in ("ob", "cob"):
                there = self._said(self.objects, rest)
                where = there if word == "ob" else where
            elif word == "fn":
                function = self._function(rest, where)
            elif word == "cfn":
                callee = self._function(rest, "")
            elif word == "calls":
                is_call = True
                if callee in MALLOC and function not in MALLOC:
                    count = int(rest.split()[0])
                    self.mallocs += count
                    self.malloc_cost[function] = self.malloc_cost.get(function, 0) + count
            elif line[:1].isdigit() or line[:1] in "+-*":
                cost = dict(zip(events, map(int, line.split()[1:])))
                if not is_call:
                    self.self_cost[function] = self.self_cost.get(function, 0) + cost.get("Ir", 0)
                    self.instructions += cost.get("Ir", 0)
                    self.system_calls += cost.get("sysCount", 0)
                is_call = False


class Counted(House):
    """A house whose posthornd runs under callgrind, not counting until dump() is called for the first time."""

    def __init__(self, server):
        super().__init__(server, settings={"limits.typing_ms": 0})
        self.vgdb = "--vgdb-prefix=" + os.path.join(self.dir, "vgdb")
        self.out = os.path.join(self.dir, "callgrind")
        self.parts = 0

    def start_server(self, wait_s=60):
        plain = self.server
        wrapper = os.path.join(self.dir, "counted")
        with open(wrapper, "w") as script:
            words = CALLGRIND + [self.vgdb, f"--callgrind-out-file={self.out}", plain]
            script.write("#!/bin/sh\n[ \"$1\" != --print-config ] || exec " + plain + " \"$@\"\nexec " +
                         " ".join(words) + ' "$@"\n')
        os.chmod(wrapper, 0o755)
        self.server = wrapper
        super().start_server(wait_s)
        self.ask("instrumentation", "on")

    @staticmethod
    def _clean():
        return {**House._clean(), **PLAIN_CPU}

    def ask(self, *words):
        try:
            subprocess.run(["vgdb", f"--pid={self.process.pid}", self.vgdb, *words], check=True, timeout=60,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except subprocess.SubprocessError as why:
            raise SystemExit(f"callgrind does not answer (may processes be traced here?): {why}") from None

    def dump(self):
        """The counts since the last one."""
        self.quiet()
        self.ask("dump")
        self.parts += 1
        return Counts(f"{self.out}.{self.parts}")

    def backends(self):
        found = []
        for child in numbers(f"/proc/{self.master}/task/{self.master}/children"):
            if text(f"/proc/{child}/cmdline").startswith("postgres: posthorn "):
                found.append(child)
        return found

    def quiet(self):
        """Back when server and backends sleep, and slept from one look to the next."""
        if not hasattr(self, "master"):
            self.master = self.postmaster()
        end, before = time.monotonic() + QUIET_S, None
        while time.monotonic() < end:
            now = [asleep(pid) for pid in [self.process.pid] + self.backends()]
            if None not in now and now == before:
                return
            before = now
        raise TimeoutError("the server does not come to rest")


def text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def numbers(path):
    return [int(word) for word in text(path).split()]


def asleep(pid):
    """How often this process has gone to sleep by itself; None: it is awake, or gone."""
    status = text(f"/proc/{pid}/status")
    switches = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M)
    return (pid, switches.group(1)) if switches and re.search(r"^State:\s*S", status, re.M) else None


def made_of(server):
    """What instruction counts depend on beside our own code."""
    comment, libraries, valgrind = (
        subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, timeout=30).stdout
        for words in (["readelf", "-p", ".comment", server], ["ldd", server], ["valgrind", "--version"]))
    files = [os.path.basename(os.path.realpath(path)) for path in re.findall(r"=> (/\S+)", libraries)]
    return {"compiler": "; ".join(re.findall(r"\]\s+(.*\S)", comment)), "libc": os.confstr("CS_GNU_LIBC_VERSION"),
            "libraries": sorted(files), "valgrind": valgrind.strip(), "libsodium on": sodium_cpu()}


def sodium_cpu():
    """libsodium's choice of instructions can't be fixed from outside: BLAKE2b costs half or double with it."""
    flags = re.search(r"^flags\s*:(.*)", text("/proc/cpuinfo"), re.M)
    return next((one for one in ("avx2", "sse4_1", "ssse3") if flags and one in flags.group(1).split()), "any CPU")


def is_there():
    return all(shutil.which(tool) for tool in ("valgrind", "vgdb", "readelf"))
