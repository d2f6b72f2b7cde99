"""A hundred thousand subscribers get one mail each: how fast, with how much memory, and does anything else wait.

The mail server is played by four processes that take letters as fast as they can and write down every Message-ID that arrives;
it delivers nothing. The time runs from the command that opens the incident to the last letter's arrival. Meanwhile the page is
asked for, to see whether it waits.
"""

import asyncio
import multiprocessing
import socket
import time

from kit import figures, net
from kit.figures import Row, ms
from kit.stillhere import Stillhere, service

SINKS = 4


def run(bench):
    many = 2_000 if bench.quick else 100_000
    port = net.free_port()
    folder = bench.folder("sink")
    ready = multiprocessing.Event()
    sinks = [multiprocessing.Process(target=_sink, args=(port, folder / f"{n}", ready), daemon=True) for n in range(SINKS)]
    for sink in sinks:
        sink.start()
    ready.wait(10)
    time.sleep(0.5)
    toml = f"""
[subscribers]
at_most = 200000
mail_sessions = 16
[[channel]]
name = "mail"
kind = "mail"
host = "127.0.0.1"
port = {port}
tls = "none"
from = "status@shop.example"
to = ["ops@shop.example"]
[defaults]
interval = "1s"
""" + service("shop", url=f"tcp://127.0.0.1:{port}")
    up = Stillhere(bench, toml).up()
    (up.dir / "addresses").write_text("\n".join(f"reader{n}@example.com" for n in range(many)))
    began = time.monotonic()
    up.cli("subscribers", "import", "addresses", "--data", "data", within=600)
    bench.say(f"imported in {time.monotonic() - began:.1f} s")
    idle_kb = up.process.rss_kb()
    began, cpu = time.monotonic(), up.process.cpu_s()
    incident = up.cli("incident", "open", "--title", "Shop is down", "--text", "We are on it.", "--service", "shop=major_outage", "--data", "data").strip()
    decided = time.monotonic() - began
    pages, peak = [], 0
    while _arrived(folder) < many:
        if time.monotonic() - began > 1800:
            raise TimeoutError(f"{_arrived(folder)} of {many} after half an hour")
        at = time.monotonic()
        up.get("/")
        pages.append(time.monotonic() - at)
        peak = max(peak, up.process.rss_kb())
        time.sleep(0.5)
    took, cpu = time.monotonic() - began, up.process.cpu_s() - cpu
    ids = {}
    for path in folder.iterdir():
        for line in path.read_text().splitlines():
            ids[line] = ids.get(line, 0) + 1
    twice = sum(n - 1 for n in ids.values())
    up.stop()
    for sink in sinks:
        sink.terminate()
    bench.say(f"{took:.1f} s, {many / took:,.0f}/s, {cpu:.1f} s of CPU, {incident}")
    return [
        Row("subscribers", f"{many:,} mails, from the decision to the last arrival ({many / took:,.0f}/s)", f"{took:.1f} s", "", "", ""),
        Row("subscribers", "the command that opens the incident", ms(decided), "", "", ""),
        Row("subscribers", "letters that came twice", f"{twice}", "", "", ("0", twice == 0)),
        Row("subscribers", f"memory: peak (idle with all of them subscribed {idle_kb / 1024:.0f} MB)", f"{peak / 1024:.0f} MB", "", "", ""),
        Row("subscribers", "CPU for each letter", f"{cpu / many * 1e6:.0f} µs", "", "", ""),
        Row("subscribers", "the page meanwhile: p99", ms(figures.quantile(pages, 0.99)), "", "", ""),
    ]


def _arrived(folder):
    """Message-IDs of one length, a line each."""
    total = 0
    for path in folder.iterdir():
        size = path.stat().st_size
        if size:
            with open(path) as f:
                total += size // len(f.readline())
    return total


def _sink(port, path, ready):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(256)
    kept = open(path, "w", buffering=1)
    ready.set()

    async def talk(reader, writer):
        writer.write(b"220 sink\r\n")
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    mail = await reader.readuntil(b"\r\n.\r\n")
                    at = mail.index(b"Message-ID: <") + 13
                    if b"Subject: Shop is down" in mail:
                        kept.write(mail[at:at + 32].decode() + "\n")
                    writer.write(b"250 taken\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    writer.write(b"250 ok\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()

    async def serve():
        server = await asyncio.start_server(talk, sock=listener, limit=1 << 20)
        await server.serve_forever()

    asyncio.run(serve())
