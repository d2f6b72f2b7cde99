# 边缘节点代替源站回答时说的话。先是每种原因的标题和说明，然后是页面上的其他用语。
# 只说边缘节点确实知道的事；只有亲自看到是我们的问题时，才说“是我们的问题”。

all-out-title = { $service }暂时无法使用
all-out-detail = 这是我们的问题，不是您的网络问题：您已经连接到我们，但应当回答您的服务器没有响应。
paused-title = { $service }暂停片刻
paused-detail = 我们的团队为了进行维护而主动暂停了它。您的网络连接没有问题。
overloaded-title = { $service }目前过于繁忙
overloaded-detail = 请求超出了我们同时能处理的数量。这是我们的问题，不是您的网络问题。
queue-full-title = { $service }目前过于繁忙
queue-full-detail = 请求超出了我们能处理的数量，等候队列也已满。这是我们的问题，不是您的网络问题。
too-many-requests-title = 短时间内请求过多
too-many-requests-detail = 来自您所用地址的请求超过了单个访客的上限。您可能与他人共用这个地址。稍等片刻即可继续。
waiting-room-title = 您正在排队等候{ $service }
waiting-room-detail = 想进入的人超出了我们同时能接待的数量。请保持此页面打开，您的位置会保留。
waiting-room-detail-api = 想进入的人超出了我们同时能接待的数量。请在请求中附上排队凭证以保留位置。
outcome-unknown-title = 我们不知道这是否已经完成
outcome-unknown-detail = 这是我们的问题，不是您的网络问题：您提交的内容已经转交，但在收到回答之前，与服务器的连接中断了。
not-forwarded-title = { $service }暂时无法使用
not-forwarded-detail = 这是我们的问题，不是您的网络问题：您已经连接到我们，但无法连接到应当回答您的服务器。
broken-title = 回答中途断开
broken-detail = 这是我们的问题，不是您的网络问题：服务器开始回答，但没有完成。再次访问不会有任何影响。
too-slow-title = { $service }响应时间过长
too-slow-detail = 这是我们的问题，不是您的网络问题：服务器已收到请求，但没有及时回答。
kept-title = 您提交的内容已经保存
kept-detail = { $service }暂时无法使用。这是我们的问题，不是您的网络问题。
body-too-large-title = 您提交的内容过大
body-too-large-detail = 超出了这个地址允许提交的大小。
head-too-large-title = 请求头过大
head-too-large-detail = 清除本站的 Cookie 通常可以解决。
request-timeout-title = 您的请求没有及时送达
request-timeout-detail = 请求开始传送，但没有传完，可能是网络连接较慢。请再试一次。
bad-request-title = 无法理解这个请求
bad-request-detail = 它不符合 HTTP 的规则。
bad-request-detail-api = 它不符合 HTTP 的规则：{ $violation }。
not-routed-title = 这个地址没有内容
not-routed-detail = 地址可能有误，或者页面已经移动。
key-in-flight-title = 正在处理中
key-in-flight-detail = 同一个请求已在处理中。请勿再次提交，结果会在原处返回。
key-other-body-title = 这个密钥属于另一个请求
key-other-body-detail = 同一个 Idempotency-Key 之前用于其他内容。新的请求请使用新的密钥。
key-needed-title = 缺少 Idempotency-Key
key-needed-detail = 发往这个地址的请求必须带有 Idempotency-Key，以确保只执行一次。
key-malformed-title = 无法读取 Idempotency-Key
key-malformed-detail = 它必须是一个带引号的字符串，例如 "8e03978e-40d5-43dd-bc93-6894a57f9324"。
banned-title = 您所用的地址无法访问
banned-detail = 来自您所用地址的请求在此被阻止。如果您认为有误，请联系我们。

this-page = 本页面
this-service = 该服务

# 我们亲自看到的情况及其时间。
seen-all-out = { $time } 我们无法连接到{ $service }，此后它一直没有响应。
seen-all-out-bare = { $time } 我们无法连接到本页面背后的服务器，此后它们一直没有响应。
seen-paused = 我们的团队自 { $time } 起将其暂停。
seen-overloaded = 自 { $time } 起，{ $service }收到的请求超出了它能处理的数量。
seen-overloaded-bare = 自 { $time } 起，请求超出了本页面背后的服务器能处理的数量。
notice-said-well = 我们的检查在 { $time } 的最后结论是一切正常，但我们实际看到的并非如此。
notice-old = 我们最近的消息来自 { $time }（{ $age }前）。此后发生了什么，我们不知道。
notice-none = 关于此事，这里还没有消息。

# 访客提交的内容怎么样了。
sent-title = 您提交的内容
sent-not = 它没有到达我们的服务器，因此什么都没有执行。恢复之后您可以重新提交。
sent-unknown = 它可能已经执行，也可能没有，目前没有人知道。请不要直接重新提交，先确认是否已经执行。
kept-saved = 已保存在这里，服务恢复后会转交一次。请勿重新提交。
kept-sending = 已保存在这里，正在转交。请勿重新提交。
kept-unknown = 已经转交，但没有收到回答。我们正在核实，请勿重新提交。
kept-done = 已经收到并完成，您无需重新提交。
kept-refused = 已经收到，但服务器拒绝了它，不会再有后续处理。
kept-needs-you = 尚未执行：服务器要求您先登录。请返回，登录后重新提交。
kept-expired = 未能及时转交，没有执行。您可以重新提交。

# 列表中的各行。
fact-since = 开始
fact-back = 预计恢复
fact-next = 下次更新
fact-ahead = 您前面的人数
fact-turn = 轮到您
fact-waited = 已等待
fact-works = 未受影响
eta-none = 暂无估计
eta-computed = 类似故障大多（五次中有四次）在 { $time } 前结束
eta-team = 我们的团队预计不晚于 { $time }
eta-passed = 原先预计不晚于 { $time }，用时超出预计。
eta-plan = 按计划不晚于 { $time }
eta-plan-late = 原计划到 { $time } 为止，用时超出计划。
turn-about = 约 { $time }后
by-time = 不晚于 { $time }
works = { $names }（截至 { $time }）
works-more = { $names } 和另外 { $count } 项（截至 { $time }）
news-at = 写于 { $time }

# 实时状态行。
live-wait = 本页面会持续检查，恢复后自动带您返回。
live-wait-post = 本页面会持续检查服务是否恢复。
live-queue = 轮到您时会自动进入。
live-limit = 稍等片刻后会自动继续。
live-looked = 上次检查：%
live-back = 服务已恢复。
live-back-in = % 秒后带您返回。
live-lost = 您的设备目前无法连接到我们，可能是您自己的网络问题。本页面会继续尝试。
no-script = 本页面约 { $seconds } 秒后会自动重新加载。
go-back = 返回刚才的页面

status-page = 所有服务的状态
reference = 参考编号：{ $id }
