"""A transfer is one trace, whichever processes take part: seen by a collector to which both send their part."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.grid import Grid
from harness.world import Region

HERE = Region("Here", 1000, 1000)
THERE = Region("There", 1100, 1100)

# A part is sent some twenty seconds after its last step, which may be fifteen after the others.
PATIENCE_S = 60
PAUSE_S = 0.2


class Collector(ThreadingHTTPServer):
    def __init__(self):
        self.spans = []
        super().__init__(("127.0.0.1", 0), Taker)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/traces"
        for resource in told["resourceSpans"]:
            names = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
            for scope in resource["scopeSpans"]:
                self.server.spans += [{**span, "process": names["service.instance.id"]} for span in scope["spans"]]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


async def test_a_teleport_between_processes_is_one_trace(tmp_path):
    collector = Collector()
    options = ["--otlp", collector.url]
    with Grid(tmp_path, {"a": ([HERE], options), "b": ([THERE], options)}) as grid:
        async with grid.viewer(at=HERE) as client:
            await client.teleport(THERE)
            for _ in range(round(PATIENCE_S / PAUSE_S)):
                named = {span["name"]: span for span in collector.spans}
                if {"teleport", "arrival"} <= named.keys():
                    break
                await asyncio.sleep(PAUSE_S)
    collector.shutdown()
    root, arrival, create = named["teleport"], named["arrival"], named["CreateAgent"]
    assert root["traceId"] == arrival["traceId"] == create["traceId"]
    assert root["parentSpanId"] == "" and arrival["parentSpanId"] == create["parentSpanId"] == root["spanId"]
    assert root["process"] != arrival["process"], "both ends are in processes of their own"
    assert int(root["startTimeUnixNano"]) <= int(arrival["startTimeUnixNano"]) <= int(root["endTimeUnixNano"])
    told = {a["key"]: a["value"]["stringValue"] for a in root["attributes"]}
    assert told["sojourn.outcome"] == "departed" and told["sojourn.region"] == HERE.name
    assert {"P1", "T4"} <= {a["value"]["stringValue"] for span in (root, arrival) for event in span["events"]
                            for a in event["attributes"] if a["key"] == "sojourn.step"}
