"""A time-stamping authority on loopback, which `openssl ts` answers for, and SSH keys."""

import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIGURATION = """
[ts]
default_tsa = t
[t]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
[tsa_ext]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[req]
distinguished_name = dn
x509_extensions = ca_ext
[dn]
[ca_ext]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
REPLY = "application/timestamp-reply"


def run(*words, **settings):
    """Run a program, and return its output."""
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, **settings).stdout


class Authority:
    """An authority with a root of its own in `folder`; `how` says what it does wrong, `asked` counts its requests."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.root = folder, folder / "ca.pem"
        self._config = folder / "tsa.cnf"
        self._config.write_text(_CONFIGURATION.format(folder=folder))
        (folder / "serial").write_text("01\n")
        name, config = f"/CN=Test {folder.name}", ("-config", self._config)
        run("openssl", "req", "-x509", *_KEY, "-keyout", folder / "ca.key", "-out", self.root, "-subj", name, *config)
        csr, key = folder / "tsa.csr", folder / "tsa.key"
        run("openssl", "req", *_KEY, "-keyout", key, "-out", csr, "-subj", f"{name} TSA", *config)
        signing = ("-CA", self.root, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "3650")
        extensions = ("-extfile", self._config, "-extensions", "tsa_ext")
        run("openssl", "x509", "-req", "-in", csr, *signing, *extensions, "-out", folder / "tsa.pem")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.authority = self
        self.reset()
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def reset(self):
        """Answer as it should again."""
        self.how, self.asked, self.failing_after, self.on_answer = "well", 0, None, lambda: None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/tsr"

    def answer(self, query):
        """Return a token for a request."""
        path = self.folder / f"{threading.get_ident()}.tsq"
        path.write_bytes(query)
        words = ("-reply", "-config", self._config, "-section", "t", "-queryfile", path)
        return run("openssl", "ts", *words, "-out", "/dev/stdout")

    def query(self, content, *options):
        """Return a request, as another program makes it."""
        return run("openssl", "ts", "-query", "-data", "/dev/stdin", "-sha256", "-cert", *options, input=content)

    def accepts(self, token, content):
        """Return whether `openssl ts -verify` takes a token over some content."""
        data = self.folder / "data"
        data.write_bytes(content)
        words = ["openssl", "ts", "-verify", "-data", data, "-in", token, "-CAfile", self.root]
        return subprocess.run(words, check=False, capture_output=True).returncode == 0

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        authority = self.server.authority
        query = self.rfile.read(int(self.headers["Content-Length"]))
        authority.asked += 1
        authority.on_answer()
        how = authority.how
        if authority.failing_after is not None and authority.asked > authority.failing_after:
            how = "an error"
        answers = {
            "a page": lambda: (200, "text/html", b"<html>maintenance</html>"),
            "a page as a token": lambda: (200, REPLY, b"<html>maintenance</html>"),
            "an error": lambda: (503, "text/plain", b"busy"),
            "not here": lambda: (404, "text/plain", b"no"),
            "another nonce": lambda: (200, REPLY, authority.answer(_renonced(query))),
            "no nonce": lambda: (200, REPLY, authority.answer(authority.query(b"x" * 9, "-no_nonce"))),
            "another hash": lambda: (200, REPLY, authority.answer(authority.query(b"something else"))),
            "a refusal": lambda: (200, REPLY, authority.answer(b"not a request")),
            "endless": lambda: (200, REPLY, b"\x30" * (1 << 20)),
            "redirected": lambda: (302, REPLY, b""),
            "silent": lambda: (time.sleep(1.5), (200, REPLY, b""))[1],
        }
        status, kind, body = answers[how]() if how in answers else (200, REPLY, authority.answer(query))
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "http://127.0.0.1:9/") if status == 302 else None
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the client has given up

    def log_message(self, *_):
        pass


def _renonced(query):
    """Return a request with another nonce: its last bytes but the flag that asks for the certificate."""
    return query[:-4] + bytes([query[-4] ^ 1]) + query[-3:]


def new_key(folder, name, *options):
    """Make an SSH key, and return the path of its private part."""
    path = Path(folder) / name
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path, *options)
    return path


def public(key):
    """Return the public part of a key as a list of signers has it."""
    return " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])


def fingerprint(key):
    return run("ssh-keygen", "-l", "-f", f"{key}.pub").decode().split()[1]


def ssh_signature(key, content, namespace="cv-gdpr"):
    """Return a signature as a person makes it without this program."""
    return run("ssh-keygen", "-Y", "sign", "-f", key, "-n", namespace, input=content)


class Agent:
    """An ssh-agent that holds a key; `public` is the public part, the only one on the disk that a test names."""

    def __init__(self, folder, key):
        self.socket, self.public = str(folder / "agent"), folder / "agent-key.pub"
        self.public.write_text(public(key))
        self._process = subprocess.Popen(["ssh-agent", "-D", "-a", self.socket], stdout=subprocess.DEVNULL)
        for _ in range(500):
            if Path(self.socket).exists():
                break
            time.sleep(0.01)
        run("ssh-add", "-q", key, env={"SSH_AUTH_SOCK": self.socket, "PATH": os.environ["PATH"]})

    def stop(self):
        self._process.terminate()
        self._process.wait()
