"""The servers of a benchmark: nginx for the files, the simulator in a separate process for the API."""

import multiprocessing
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import certifi

from custom_vision_simulator import Options, Simulator
from custom_vision_simulator.records import ImageTag

STORAGE = "127.0.0.2"  # not the client's address, so that one direction can be slowed down
FILES = 256  # different files; the last two digits of an image's id choose one
LUA = ("ndk_http_module.so", "ngx_http_lua_module.so")
MODULES = Path("/usr/lib/nginx/modules")
CONFIGURATION = """
{modules}
{user}
worker_processes 1;
daemon off;
master_process on;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; multi_accept on; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000;
    open_file_cache max=1000;
    default_type image/jpeg;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {storage}:{port} {tls} backlog=4096;
        location ~ "(..)$" {{
            {pause}
            root {folder}/files;
            try_files /$1 =404;
        }}
    }}
}}
"""
CERTIFIED = """ssl;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        ssl_session_cache shared:s:4m;
        #"""


class Missing(Exception):
    """A program that the benchmark needs is not installed."""


@dataclass(frozen=True)
class Storage:
    """nginx as blob storage: its address, the folder of its 256 files, and the file of trusted authorities."""

    base: str
    files: Path
    certificate: Path | None


def needed(program, package):
    """Return the path of a program; raise Missing with the Debian package to install."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if not found:
        raise Missing(f"{program} is missing: apt-get install {package}")
    return found


@contextmanager
def storage(folder, size, *, tls=False, pause_ms=0):
    """Run nginx with 256 files of `size` bytes; it waits `pause_ms` before each answer."""
    nginx = needed("nginx", "nginx-light")
    modules = "".join(f"load_module {MODULES / name};\n" for name in LUA) if pause_ms else ""
    if pause_ms and not (MODULES / LUA[1]).exists():
        raise Missing("nginx cannot wait before it answers: apt-get install libnginx-mod-http-lua")
    files = folder / "files"
    files.mkdir(parents=True)
    for number in range(FILES):
        (files / f"{number:02x}").write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(size - 4))
    port = free_port()
    settings = {
        "storage": STORAGE,
        "folder": folder,
        "port": port,
        "modules": modules,
        "user": "user root;" if os.geteuid() == 0 else "",  # else its worker could not read the folder
        "tls": CERTIFIED.format(folder=folder) if tls else "",
        "pause": f"access_by_lua_block {{ ngx.sleep({pause_ms / 1000}) }}" if pause_ms else "",
    }
    if tls:
        certify(folder)
    (folder / "nginx.conf").write_text(CONFIGURATION.format(**settings))
    with subprocess.Popen([nginx, "-c", folder / "nginx.conf", "-p", folder, "-e", folder / "error.log"]) as server:
        try:
            wait_for(port)
            yield Storage(f"http{'s' if tls else ''}://{STORAGE}:{port}", files, trusted(folder) if tls else None)
        finally:
            server.terminate()


def certify(folder):
    """Make a self-signed certificate for the storage's address."""
    subject = ["-subj", f"/CN={STORAGE}", "-addext", f"subjectAltName=IP:{STORAGE}"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    command = ["openssl", "req", "-x509", *key, "-keyout", folder / "key.pem", "-out", folder / "cert.pem", *subject]
    subprocess.run(command, check=True, capture_output=True)


def trusted(folder):
    """Return a file with the usual 140 or so authorities and this certificate."""
    bundle = folder / "authorities.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + (folder / "cert.pem").read_bytes())
    return bundle


def free_port():
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind((STORAGE, 0))
        return probe.getsockname()[1]


def wait_for(port):
    """Wait until a server listens on the port."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex((STORAGE, port)) == 0:
                return
        time.sleep(0.02)
    raise Missing("nginx did not start")


@dataclass(frozen=True)
class Api:
    """The simulated service: its address, key, project, addresses of images; `limit` sets its calls a second."""

    endpoint: str
    key: str
    addresses: list[str]
    project: str
    limit: Callable[[float | None], None] | None = None


class Forgetful(list):
    """A list that discards its entries: recorded requests would only fill the memory."""

    def append(self, _):
        """Discard the entry."""


class Remembering(Simulator):
    """A simulator that caches its answers to GET, so that its own work is not measured."""

    def _api(self):
        host = super()._api()
        host.calls = Forgetful()
        api = host.answer.__self__
        make, made = api._carried_out, {}

        def carried_out(route, incoming, ids):
            if not route.name.startswith("Get"):
                made.clear()
                return make(route, incoming, ids)
            key = (route.name, incoming.path, tuple(sorted(incoming.query.items())))
            if key not in made:
                made[key] = make(route, incoming, ids)
            return made[key]

        api._carried_out = carried_out  # behind the gateway, which still limits calls a second
        return host


def serve(base, options, filling, pipe):
    """Run the simulator until asked to stop; its links lead to nginx."""
    sim = Remembering(Options(**options))
    labels = filling.pop("labels", 1)
    (project,) = sim.fill(**filling)
    label(sim.store.projects[project].workspace, labels)
    with sim:
        sim._links.base = base or sim.blob_host
        link = sim._links.linker()
        container = f"/i-{project.replace('-', '')}"
        images = sim.store.projects[project].workspace.images
        addresses = [link(f"{container}/i-{identity.replace('-', '')}") for identity in images]
        pipe.send(Api(sim.endpoint, sim.training_key, addresses, project))
        while (told := pipe.recv()) != "stop":
            sim.options.calls_per_second = told


def label(workspace, labels):
    """Put this number of tags on each tagged image."""
    tags = tuple(workspace.tags)[:labels]
    for identity, image in workspace.images.items():
        if image.tags and labels > 1:
            moment = image.tags[0].created
            workspace.images[identity] = replace(image, tags=tuple(ImageTag(one, moment) for one in tags))


@contextmanager
def service(base="", options=None, **filling):
    """Run the simulator in another process, and return its Api."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=serve, args=(base, options or {}, filling, theirs), daemon=True)
    server.start()
    try:
        api = ours.recv()
        yield replace(api, limit=ours.send)
    finally:
        ours.send("stop")
        server.join(10)
        server.kill()
