# `stillhere demo`: the shop, and the page to break it.

title = Lantern Shop
control-title = Lantern Shop, behind the counter
control-tag = Two small servers sell paper lanterns. Stillhere stands in front of them and watches. Break them, and see what their visitors get.
to-status = Status page
to-shop = Open the shop
to-control = Break it
language = 中文
gone = The demo does not answer any more. What stands here is old.

# The shop, as visitors see it. % stands for a number or the beginning of a receipt, @ for a node.
shop-lantern = The red lantern
shop-lantern-text = Hand-folded paper, warm light.
shop-order = Order one
shop-sold = % lanterns sold since the shop opened
shop-orders = Your orders
shop-orders-none = None yet.
shop-from = This page came from node @ of two. You may be with the other one at the next click.
shop-no-script = Without JavaScript your order has no key in its head. If the connection breaks at the wrong moment, you are told honestly that nobody knows what became of it.
shop-no-database = The shop cannot reach its books at the moment, so it takes no orders.
shop-not-found = There is no such page in this shop.
banner-back = The shop is back.
order-sending = Your order is on its way.
order-waiting = The shop is not answering yet. Your order has a key: it is carried out once, however long this takes.
order-done = Thank you. Order % was taken by node @.
order-late = It went through. Order % was taken by node @, once.
order-kept = Your order is saved (receipt %…). It is sent once, as soon as the shop is back. Do not order again.
order-checking = Your order was sent, and the answer was lost (receipt %…). We are finding out. Do not order again.
order-refused = This order was not carried out. You may order again.
order-no-way = The same order is sent again with the same key, so it stays one order.
order-row = Order %, taken by node @
order-waits = Receipt %…: saved, not sent yet

# What visitors get.
crowd-title = What visitors get right now
crowd-text = Twenty requests a second come to the shop through the edge, every fifth is an order with a key. Each counts by what really came back, and each order by what stands in the books.
says = The status page says of the checkout:
says-operational = working
says-under-maintenance = planned work
says-degraded-performance = slow or unreliable
says-partial-outage = partly down
says-major-outage = down
says-unknown = it cannot be seen
crowd-on = Let visitors come
crowd-off = Send visitors home
crowd-forget = Count from nothing
crowd-served = Served
crowd-served-note = the page or the order they wanted
crowd-waited = of these, waited
crowd-longest = over a second; the longest { $seconds } s
crowd-told = Told
crowd-told-note = what is going on, in their language
crowd-kept = Orders kept
crowd-late = to be sent; { $count } done after waiting
crowd-errors = Errors of the shop
crowd-errors-note = answered by a node itself
crowd-lost = Lost
crowd-lost-note = cut off, or promised and not done
crowd-doubled = Doubled
crowd-doubled-note = orders carried out twice
strip-title = The last minute:
strip-served = served
strip-waited = after a wait
strip-told = told
strip-bad = error or lost

break-title = Break it
break-text = Each button changes how a real server on this machine behaves. Nobody tells Stillhere: the edge notices by its visitors, the status page by looking.
restart = Restart both nodes (3 s)
restarting = Both nodes are restarting.
pause = Pause the shop
resume = Let the shop go on
mend-all = Mend everything

part-node-a = Checkout, node A
part-node-b = Checkout, node B
part-database = Database
part-search = Search
role-node-a = Serves the shop and takes orders. One node can do the work of both.
role-node-b = Serves the shop and takes orders. One node can do the work of both.
role-database = Both nodes need it. It carries an order out once for each key.
role-search = Needs nobody and nobody needs it.

now-well = Well
now-killed = Killed: connections are refused
now-frozen = Frozen: accepts, never answers
now-slow = Slow: answers after 0.7 s
now-failing = Failing: answers with error 503
do-killed = Kill
do-frozen = Freeze
do-slow = Slow down
do-failing = Make it fail
do-well = Mend

ledger-title = The books
ledger-text = The newest orders in the database. Asked more than once means that somebody repeated it, the edge or the visitor. Carried out must always be 1.
ledger-number = Order
ledger-key = Key
ledger-no-key = none
ledger-node = Node
ledger-asked = Asked
ledger-done = Carried out

job-title = Nightly report
job-text = Nobody can look at a job that runs at night, so it sends a heartbeat each time it ran. Nights last two seconds here. When it falls silent, the status page waits for the grace time, about six seconds, before it says so.
job-running = Reporting
job-fails = Reporting that it failed
job-stopped = Silent
job_do-running = Run again
job_do-fails = Let it fail
job_do-stopped = Stop it

try-title = The story, in order
try-one = Open the shop in another window, then kill node A. Visitors go on as if nothing had happened; the status page says “partly down”.
try-both = Kill node B, too. Everybody waits for five seconds, because most outages are restarts. Then they are told; press “Order one” and your order is saved with a receipt. Mend everything: it is carried out, once.
try-restart = Restart both nodes. For three seconds there is no shop at all, and nobody gets an error: they wait, and go on.
try-freeze = Freeze node A. It takes every connection and answers nothing, the worst kind of broken. Few notice.
try-pause = Pause the shop, as before a deploy. Nobody is refused; who waits longer than five seconds is told that it is a pause, not a fault.
try-database = Kill the database. Both nodes are alive and can do nothing; the status page names the database as where it began.
help-title = Help
help-text = The status page links here as the shop’s contact. On your own page this is your phone, your chat, your mail.
local = Only this machine can open this page.
problem-not-found = There is no such page here.
problem-foreign = This did not come from this page itself, so nothing was changed.
problem-part = That could not be changed: { $why }
back = Back to the shop
back-to-control = Back
