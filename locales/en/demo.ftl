# The shop of `stillhere demo`.

title = Lantern Shop
tag = Paper lanterns, sold by two small servers
to-status = Status page
language = 中文
buy-title = The red lantern
buy-text = Hand-folded paper, warm light. Buying one asks a checkout node, and that node asks the database.
buy = Buy one
bought-none = Nothing bought yet.
bought-ok = Bought. Order { $order } was taken by node { $node } in { $took_ms } ms.
bought-second = Bought. Order { $order } was taken by node { $node } in { $took_ms } ms; the other node had failed first.
bought-failed = Not bought: neither node took the order. After { $took_ms } ms a customer would be looking at this.

break-title = Break it
break-text = Each button changes how a real server on this machine behaves. Nobody tells the status page: it looks once a second and finds out by itself.
mend-all = Mend everything

part-node-a = Checkout, node A
part-node-b = Checkout, node B
part-database = Database
part-search = Search
role-node-a = Takes orders. One node can do the work of both.
role-node-b = Takes orders. One node can do the work of both.
role-database = Both nodes need it. Watch what the status page says about Checkout.
role-search = Needs nobody and nobody needs it.

now-well = Well
now-killed = Killed: connections are refused
now-frozen = Frozen: accepts, never answers
now-slow = Slow: answers after 0.7 s
now-failing = Failing: answers with error 500
do-killed = Kill
do-frozen = Freeze
do-slow = Slow down
do-failing = Make it fail
do-well = Mend

job-title = Nightly report
job-text = Nobody can look at a job that runs at night, so it sends a heartbeat each time it ran. Nights last two seconds here. When it falls silent, the status page waits for the grace time, about six seconds, before it says so.
job-running = Reporting
job-fails = Reporting that it failed
job-stopped = Silent
job_do-running = Run again
job_do-fails = Let it fail
job_do-stopped = Stop it

try-title = Worth trying
try-one = Kill one node: half of Checkout is gone, but customers can still buy. Then kill the other.
try-two = Kill the database: Checkout fails with it, and the status page names the database as where it began.
try-three = Freeze search: nothing refuses, nothing answers. That must not look like “working”.
help-title = Help
help-text = The status page links here as the shop’s contact. On your own page this is your phone, your chat, your mail.
local = Only this machine can open this page.
problem-not-found = There is no such page in this shop.
problem-foreign = This did not come from the shop’s own page, so nothing was changed.
problem-part = That could not be changed: { $why }
back = Back to the shop
