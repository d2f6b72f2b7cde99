"""Calls the shop by gRPC: `buyer.py ADDRESS place KEY ORDER`, or `buyer.py ADDRESS watch COUNT`. Prints the status, what was answered, and of the
edge's own headers those that say something."""

import sys

import grpc

ADDRESS, WHAT, *rest = sys.argv[1:]
SAID = ("idempotent-replayed", "stillhere-outcome", "stillhere-why")
channel = grpc.insecure_channel(ADDRESS, options=[("grpc.enable_retries", 0)])
try:
    if WHAT == "place":
        key, order = rest
        metadata = (("idempotency-key", f'"{key}"'), ("authorization", "Bearer ann"), ("accept-language", "zh-CN"))
        answer, call = channel.unary_unary("/shop.Orders/Place").with_call(order.encode(), metadata=metadata, timeout=30)
        print("OK", answer.decode(), *(f"{k}={v}" for k, v in call.initial_metadata() if k in SAID))
    else:
        answers = channel.unary_stream("/shop.Orders/Watch")(rest[0].encode(), timeout=30)
        print("OK", *(answer.decode() for answer in answers))
except grpc.RpcError as e:
    said = [*(e.initial_metadata() or ()), *(e.trailing_metadata() or ())]
    print(e.code().name, e.details(), *(f"{k}={v}" for k, v in said if k in SAID))
