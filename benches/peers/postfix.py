"""Postfix: smtp-source -> instance A (queue) -> TLS -> instance B [-> TLS -> instance C] -> Maildir; fsync as by default; connections reused."""
import os, shutil, subprocess, time
from measuring import Meter, Skipped, await_count, await_port, certificates, entries, folder, free_ports, install

NAME = "Postfix"
PROMISE = "fsyncs its queue at each hop; TLS per hop, the server authenticated; no signature, closing or signed receipt of a document"
SESSIONS = 20
CALIBRATION = 300

SERVICES = """
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsproxy unix - - n - 0 tlsproxy
postlog unix-dgram n - n - 1 postlogd
"""


def configure(place, node, ports, last):
    own = f"{place}/{node}"
    for name in ("conf", "queue", "data", "mail"):
        os.makedirs(f"{own}/{name}")
    shutil.chown(f"{own}/data", "postfix")
    shutil.chown(f"{own}/mail", 5000, 5000)
    with open(f"{own}/conf/main.cf", "w") as out:
        out.write(f"""
compatibility_level = 3.6
config_directory = {own}/conf
queue_directory = {own}/queue
data_directory = {own}/data
multi_instance_name = postfix-{node}
myhostname = n{node}.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_rate_limit = 0
message_size_limit = 200000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_tls_cert_file = {place}/node.pem
smtpd_tls_key_file = {place}/node.key
smtpd_tls_security_level = may
smtp_tls_security_level = encrypt
smtp_tls_CAfile = {place}/ca.pem
smtp_tls_connection_reuse = yes
smtp_dns_support_level = disabled
maillog_file = {own}/maillog
maillog_file_prefixes = {place}, /var, /dev/stdout
virtual_mailbox_domains = {'last.test' if last else ''}
virtual_mailbox_base = {own}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_minimum_uid = 1000
{'' if last else f'relayhost = [127.0.0.1]:{ports[node + 1]}'}
""")
    with open(f"{own}/conf/master.cf", "w") as out:
        out.write(f"127.0.0.1:{ports[node]} inet n - n - - smtpd" + SERVICES)


def control(place, node, word, check=True):
    with open(f"{place}/{node}/err", "ab") as err:
        subprocess.run(["postfix", "-c", f"{place}/{node}/conf", word], check=check, stdout=subprocess.DEVNULL, stderr=err)


def send(place, port, last, size, documents):
    box = f"{place}/{last}/mail/box"
    shutil.rmtree(box, ignore_errors=True)
    meter = Meter()
    subprocess.run(["smtp-source", "-s", str(SESSIONS), "-m", str(documents), "-l", str(size), "-f", "s@first.test", "-t", "box@last.test",
                    f"127.0.0.1:{port}"], check=True, stdout=subprocess.DEVNULL)
    await_count(lambda: entries(f"{box}/new"), documents)
    return meter.result(documents, time.monotonic() - meter.began, in_flight=SESSIONS)


def measure(size, hops, seconds, base):
    install("postfix", "postfix")
    if os.geteuid() != 0:
        raise Skipped("Postfix has to be started by root")
    place = folder("postfix", base)
    started = []
    try:
        certificates(place)
        ports = free_ports(hops + 1)
        for node in range(hops + 1):
            configure(place, node, ports, node == hops)
            control(place, node, "start")
            started.append(node)
        for port in ports:
            await_port(port)
        first = send(place, ports[0], hops, size, CALIBRATION)
        return send(place, ports[0], hops, size, max(CALIBRATION, int(first["docs_per_s"] * seconds)))
    finally:
        for node in started:
            control(place, node, "stop", check=False)
        time.sleep(2)
        shutil.rmtree(place, ignore_errors=True)
