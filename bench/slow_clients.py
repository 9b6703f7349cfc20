"""Slow clients for bench/slow.sh: `slow_clients.py PORT COUNT` opens so many connections to a HEC port and sends on each a
byte every ten seconds of a request that never ends, evenly spread. Says `ready` when all are open; a connection that
hecate closes is opened again. Ends when it is killed."""
import resource
import select
import socket
import sys
import time

BETWEEN = 10.0
HEAD = b"POST /services/collector/event HTTP/1.1\r\nHost: slow\r\nX-Slow: " + b"x" * 10_000


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.send(HEAD[:1])
    return [connection, 1]


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 100), hard))
    clients = [connect(port) for _ in range(count)]
    print("ready", flush=True)
    turn = 0
    begin = time.monotonic()
    while True:
        client = clients[turn % count]
        turn += 1
        time.sleep(max(0.0, begin + turn * BETWEEN / count - time.monotonic()))
        try:
            # What hecate says, if only that it closes.
            if select.select([client[0]], [], [], 0)[0]:
                raise ConnectionError
            client[0].send(HEAD[client[1]:client[1] + 1])
            client[1] += 1
        except OSError:
            client[0].close()
            client[:] = connect(port)


if __name__ == "__main__":
    main()
