"""RabbitMQ: publisher confirms -> durable queue on A -> shovel (ack on confirm) over mutual TLS -> B [-> C]; one-member quorum queues."""
import json, os, shutil, subprocess, time
from measuring import Meter, await_port, certificates, driver, folder, free_ports, install, start, stop_all

NAME = "RabbitMQ quorum queues"
PROMISE = "confirms after a batched fsync; TLS per hop; nothing signed, closed or receipted per document; duplicates possible"
SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
IN_FLIGHT = 256


def shovel(node, ports, tls, kind, place):
    """The shovel that takes everything from a node's queue to the next one's."""
    arguments = '[{<<"x-queue-type">>, longstr, <<"%s">>}]' % kind
    declare = "{declarations, [{'queue.declare', [{queue, <<\"docs\">>}, durable, {arguments, %s}]}]}" % arguments
    query = (f"?cacertfile={place}/ca.pem&certfile={place}/node.pem&keyfile={place}/node.key"
             "&verify=verify_peer&server_name_indication=localhost")
    source = f'{{source, [{{protocol, amqp091}}, {{uris, ["amqp://127.0.0.1:{ports[node]}"]}}, {declare}, {{queue, <<"docs">>}}, {{prefetch_count, 1000}}]}}'
    destination = (f'{{destination, [{{protocol, amqp091}}, {{uris, ["amqps://localhost:{tls[node + 1]}{query}"]}}, {declare}, '
                   '{publish_properties, [{delivery_mode, 2}]}, {publish_fields, [{exchange, <<"">>}, {routing_key, <<"docs">>}]}]}')
    return f"[{{rabbitmq_shovel, [{{shovels, [{{forward, [{source}, {destination}, {{ack_mode, on_confirm}}, {{reconnect_delay, 1}}]}}]}}]}}].\n"


def measure(size, hops, seconds, base, kind="quorum"):
    install(SERVER, "rabbitmq-server")
    load = driver("amqp-load")
    place = folder("rabbit", base)
    try:
        certificates(place)
        count = hops + 1
        ports, tls, dist, (epmd,) = free_ports(count), free_ports(count), free_ports(count), free_ports(1)
        env = dict(os.environ, HOME=place, ERL_EPMD_ADDRESS="127.0.0.1", ERL_EPMD_PORT=str(epmd))
        start(["epmd", "-address", "127.0.0.1", "-port", str(epmd)], f"{place}/epmd.log", env=env)
        await_port(epmd)
        # The last first, so that each shovel finds where it leads.
        for node in reversed(range(count)):
            own = f"{place}/{node}"
            os.makedirs(own)
            with open(f"{own}/plugins", "w") as out:
                out.write("[rabbitmq_shovel].\n")
            with open(f"{own}/r.conf", "w") as out:
                out.write(f"listeners.tcp.1 = 127.0.0.1:{ports[node]}\nlisteners.ssl.1 = 127.0.0.1:{tls[node]}\n"
                          f"ssl_options.cacertfile = {place}/ca.pem\nssl_options.certfile = {place}/node.pem\n"
                          f"ssl_options.keyfile = {place}/node.key\nssl_options.verify = verify_peer\n"
                          "ssl_options.fail_if_no_peer_cert = true\n")
            with open(f"{own}/advanced.config", "w") as out:
                out.write(shovel(node, ports, tls, kind, place) if node < hops else "[].\n")
            start([SERVER], f"{own}.log", env=dict(
                env, RABBITMQ_NODENAME=f"bench{node}@localhost", RABBITMQ_MNESIA_BASE=f"{own}/db", RABBITMQ_LOG_BASE=f"{own}/log",
                RABBITMQ_ENABLED_PLUGINS_FILE=f"{own}/plugins", RABBITMQ_CONFIG_FILE=f"{own}/r.conf",
                RABBITMQ_ADVANCED_CONFIG_FILE=f"{own}/advanced.config", RABBITMQ_DIST_PORT=str(dist[node]),
                RABBITMQ_PID_FILE=f"{own}/pid", RABBITMQ_CONF_ENV_FILE="/dev/null"))
            await_port(ports[node], 90)
        time.sleep(6)
        address = [f"amqp://127.0.0.1:{port}/%2f" for port in ports]
        meter = Meter()
        done = subprocess.run([load, address[0], address[-1], "docs", str(size), str(IN_FLIGHT), str(seconds), kind],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr[-500:])
        said = json.loads(done.stdout)
        return meter.result(said["documents"], said["delivered_s"], in_flight=IN_FLIGHT)
    finally:
        stop_all()
        shutil.rmtree(place, ignore_errors=True)
