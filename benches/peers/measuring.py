"""What all peers share: the machine's processor time and flushes, processes that are stopped by pid, certificates, free ports."""
import glob, os, shutil, signal, socket, subprocess, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RUNNING = []


class Skipped(Exception):
    """This peer cannot be measured here, and why."""


def target():
    """The target folder of cargo; the drivers are built in a folder of their own below it."""
    return os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))


def driver(name):
    """Builds the drivers if need be, and gives the path of one."""
    folder = os.path.join(target(), "peers")
    manifest = os.path.join(HERE, "drivers", "Cargo.toml")
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", manifest], check=True,
                   env=dict(os.environ, CARGO_TARGET_DIR=folder))
    return os.path.join(folder, "release", name)


def install(program, package):
    """Makes sure that a program is there; installs its Debian package without starting its daemon where it is not."""
    if shutil.which(program) or os.path.exists(program):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Skipped(f"{package} is not installed, and only root on Debian could install it")
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if package == "postfix":
        subprocess.run(["debconf-set-selections"], input="postfix postfix/main_mailer_type select No configuration\n", text=True, **quiet)
    # In runlevel 1 the packages' scripts start nothing.
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    subprocess.run(["apt-get", "update", "-qq"], env=env, **quiet)
    done = subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], env=env, **quiet)
    if done.returncode or not (shutil.which(program) or os.path.exists(program)):
        raise Skipped(f"the Debian package {package} could not be installed")


def folder(name, base):
    """A new folder on the disk under test."""
    if base:
        os.makedirs(base, exist_ok=True)
    return tempfile.mkdtemp(prefix=f"peer-{name}-", dir=base)


def busy_s():
    """Busy seconds of all cores (user, system, interrupts). Niced work is left out: nothing here is niced."""
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:]]
    return (fields[0] + fields[2] + fields[5] + fields[6]) / os.sysconf("SC_CLK_TCK")


def flushes():
    """Cache flushes that the disks have completed: how often an fsync really reached one."""
    found = [open(path).read().split() for path in glob.glob("/sys/block/*/stat")]
    return sum(int(fields[15]) for fields in found if len(fields) > 15)


class Meter:
    """Processor time and flushes of the whole machine from its making on."""
    def __init__(self):
        self.busy, self.flushed, self.began = busy_s(), flushes(), time.monotonic()

    def result(self, documents, seconds, **more):
        """The figures of so many documents that took so long, from the first submission to the last arrival."""
        return dict(documents=documents, seconds=round(seconds, 3), docs_per_s=round(documents / seconds, 1),
                    cpu_us_per_doc=round(1e6 * (busy_s() - self.busy) / documents, 1),
                    flushes_per_doc=round((flushes() - self.flushed) / documents, 3), **more)


def start(argv, log, **more):
    """Starts a daemon that is a child of this process."""
    with open(log, "ab") as out:
        child = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True, **more)
    RUNNING.append(child)
    return child


def stop(child, wait=20):
    """Stops what `start` started."""
    if child.poll() is None:
        os.kill(child.pid, signal.SIGTERM)
        try:
            child.wait(wait)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child in RUNNING:
        RUNNING.remove(child)


def stop_all():
    for child in list(RUNNING):
        stop(child)


def free_ports(count):
    """So many TCP ports of loopback that nobody uses at the moment."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def await_port(port, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"port {port} did not open")


def await_count(count, wanted, standstill=60):
    """Waits until `count()` is no less than wanted; gives up when nothing has come for a while."""
    most, changed = -1, time.monotonic()
    while True:
        there = count()
        if there >= wanted:
            return
        if there > most:
            most, changed = there, time.monotonic()
        if time.monotonic() - changed > standstill:
            raise RuntimeError(f"{there} of {wanted} arrived, then nothing for {standstill} s")
        time.sleep(0.01)


def entries(path):
    try:
        return sum(1 for entry in os.scandir(path) if not entry.name.startswith("."))
    except OSError:
        return 0


def certificates(place):
    """A CA and one certificate for localhost, for server and client alike."""
    def run(*argv):
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run("openssl", "req", "-x509", *curve, "-keyout", f"{place}/ca.key", "-out", f"{place}/ca.pem", "-days", "30", "-subj", "/CN=bench ca")
    run("openssl", "req", *curve, "-keyout", f"{place}/node.key", "-out", f"{place}/node.csr", "-subj", "/CN=localhost")
    with open(f"{place}/ext", "w") as out:
        out.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("openssl", "x509", "-req", "-in", f"{place}/node.csr", "-CA", f"{place}/ca.pem", "-CAkey", f"{place}/ca.key", "-CAcreateserial",
        "-days", "30", "-extfile", f"{place}/ext", "-out", f"{place}/node.pem")
    for key in glob.glob(f"{place}/*.key"):
        os.chmod(key, 0o644)
    os.chmod(place, 0o755)
