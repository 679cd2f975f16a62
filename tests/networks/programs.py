"""tests/networks/programs.py - real proxies, each configured in a scratch directory and ended by its pid"""
import os
import shutil
import signal
import socket
import subprocess
import time

from ports import free_port


class Program:
    """A proxy that listens on self.port."""
    name = needs = None

    def __init__(self, scratch):
        self.port = free_port()
        self.dir = os.path.join(scratch, f"{self.name}-{self.port}")
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o777)       # some of them change their user
        self.process = None

    def start(self, command):
        log = open(os.path.join(self.dir, "log"), "ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.dir,
                                        start_new_session=True)
        log.close()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not start: " + self.log())

    def log(self):
        with open(os.path.join(self.dir, "log"), errors="replace") as f:
            return f.read()[-1500:]

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def end(self):
        if not self.process:
            return
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Squid(Program):
    name = "squid"

    def __init__(self, scratch, password=None):
        super().__init__(scratch)
        auth = "http_access allow all"
        if password:
            crypt = subprocess.run(["openssl", "passwd", "-apr1", password], check=True, stdout=subprocess.PIPE,
                                   text=True).stdout.strip()
            users = self.write("users", f"guest:{crypt}\n")
            os.chmod(users, 0o644)
            auth = (f"auth_param basic program /usr/lib/squid/basic_ncsa_auth {users}\nauth_param basic realm test\n"
                    "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all")
        config = self.write("squid.conf", f"""
http_port 127.0.0.1:{self.port}
{auth}
cache deny all
access_log none
cache_log {self.dir}/cache.log
cache_store_log none
pid_filename {self.dir}/pid
coredump_dir {self.dir}
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname localhost
""")
        self.start(["squid", "-N", "-f", config])


class Tinyproxy(Program):
    name = "tinyproxy"

    def __init__(self, scratch, password=None):
        super().__init__(scratch)
        auth = f"BasicAuth guest {password}" if password else ""
        config = self.write("tinyproxy.conf", f"""
Port {self.port}
Listen 127.0.0.1
Timeout 600
MaxClients 100
Allow 127.0.0.1
{auth}
""")
        self.start(["tinyproxy", "-d", "-c", config])


class Nginx(Program):
    """TLS and HTTP/2 in front, HTTP/1.1 behind; location: what stands in its location block."""
    name = "nginx"

    def __init__(self, scratch, target, tls, location="", version="1.1"):
        super().__init__(scratch)
        config = self.write("nginx.conf", f"""
daemon off;
worker_processes 1;
pid {self.dir}/pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {self.dir}/body; proxy_temp_path {self.dir}/proxy; fastcgi_temp_path {self.dir}/f;
    uwsgi_temp_path {self.dir}/u; scgi_temp_path {self.dir}/s;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{self.port} ssl http2;
        ssl_certificate {tls}/cert.pem; ssl_certificate_key {tls}/key.pem;
        location / {{
            proxy_pass http://127.0.0.1:{target};
            proxy_http_version {version};
            proxy_set_header Host $http_host;
            {location}
        }}
    }}
}}
""")
        self.start(["nginx", "-p", self.dir, "-c", config])


class Haproxy(Program):
    """frontend and server: the lines of the one bind and the one server."""
    name = "haproxy"

    def __init__(self, scratch, mode, bind, server):
        super().__init__(scratch)
        config = self.write("haproxy.cfg", f"""
global
    maxconn 500
defaults
    mode {mode}
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend in
    bind 127.0.0.1:{self.port} {bind}
    default_backend posthornd
backend posthornd
    server one {server}
""")
        self.start(["haproxy", "-db", "-f", config])
