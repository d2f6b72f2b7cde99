"""A shop that speaks gRPC: `shop.py PORT LEDGER`. /shop.Orders/Place takes each key once; what is in LEDGER was executed.

The first time it is asked for b"fatal" it writes the order down and dies, without an answer, as under `kill -9`. /shop.Orders/Watch answers
as many messages as it is asked for.
"""

import os
import sys
from concurrent import futures

import grpc

PORT, LEDGER = sys.argv[1:]


def place(order, context):
    key = dict(context.invocation_metadata())["idempotency-key"]
    with open(LEDGER, "a+") as ledger:
        ledger.seek(0)
        keys = ledger.read().split()
        if key not in keys:
            keys.append(key)
            ledger.write(f"{key}\n")
            ledger.flush()
            if order == b"fatal":
                os._exit(9)
    return b"order %d" % (keys.index(key) + 1)


def watch(count, _context):
    for n in range(int(count)):
        yield b"%d" % n


class Orders(grpc.GenericRpcHandler):
    def service(self, call):
        return {
            "/shop.Orders/Place": grpc.unary_unary_rpc_method_handler(place),
            "/shop.Orders/Watch": grpc.unary_stream_rpc_method_handler(watch),
        }.get(call.method)


server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((Orders(),))
server.add_insecure_port(f"127.0.0.1:{PORT}")
server.start()
server.wait_for_termination()
