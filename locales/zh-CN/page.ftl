# 页面。

skip-to-content = 跳到正文
nav-label = 页面
nav-status = 状态
nav-history = 历史
page-title = { $headline } · { $site }
back-to-status = 所有服务
services = 服务
services-other = 其他服务
days-ago = { $n } 天前
today = 今天
uptime = { $n } 天可用率 { $percent }%
uptime-none = 尚无数据
days-with-problems = { $n } 天有问题或缺口
day-line = { $date }：{ $what }
bars-alt = 最近 { $n } 天，每天一根柱。有问题：{ $bad } 天；未能全部看到：{ $unseen } 天；没有记录：{ $none } 天。
latency-alt = 最近 24 小时响应时间中位数：介于 { $low } 与 { $high } 之间。
group-fine = { $n } 项全部正常
group-trouble = { $n } 项中有 { $bad } 项：{ $status }
and-more = 另有 { $n } 项
formula = 可用率 = 1 −（中断时间 + 0.3 × 部分中断时间）÷ 已知时间。我们看不到的时间既不算正常，也不算中断。缓慢和计划维护的时间算作正常。
how-bars = 一根柱代表一天，越高越糟。断开的柱表示当天有一段时间没有看到。圆点表示当天完全没有看到。

checked = 上次检查：{ $time }
checked-ago = 检查于 %
net-off = 与状态页的连接已断开。您看到的是 % 的情况。
net-old = 自 % 起没有新消息。此后发生了什么，我们不知道。
copy = 这是 { $time } 制作的副本，不会自动更新。
copy-age = （%）

incidents-open = 正在发生
incidents-more = 另有 { $n } 个未结束的事件
incident-now = 现在
incident-affected = 受影响
incident-began = 开始
incident-ended = 结束
incident-lasted = 持续 { $time }
incident-ongoing = 仍在进行
corrected-from = 已更正；最初说的是
eta = 预计结束
eta-none = 暂无估计
eta-computed = 类似故障大多（五次中有四次）在 { $by } 前结束，一半在 { $half } 前结束。
eta-computed-bare = 类似故障大多（五次中有四次）在 { $by } 前结束。
eta-person = 我们的团队预计在 { $by } 前结束。
eta-passed = 原先预计在 { $by } 前结束，但尚未结束。
eta-taken-back = 我们的团队目前不给出结束时间。
eta-before = 此前说的是
eta-before-passed = 此前给出的时间已过而故障未结束：
eta-basis = { $alike ->
    [0] 根据本站此前 { $own } 次事件推算。
   *[other] 根据本站此前 { $own } 次事件推算，其中 { $alike } 次涉及同一服务。
}
eta-basis-others = 根据本站此前 { $own } 次事件以及其他运营方公开的故障记录推算。
eta-record = 最近 { $given } 次这样的估计中，{ $held } 次准确。
eta-record-people = 我们的团队最近给出的 { $given } 次时间中，{ $held } 次准确。
etas = 我们给出过的结束时间
eta-given = 不晚于 { $by }（五次中有四次）
eta-given-person = 不晚于 { $by }，由我们的团队给出
eta-held = 准确
eta-late = 偏早
next-update = 下次更新
next-by = 不晚于
next-missed = 我们承诺在 { $due } 之前更新，但没有做到。
update-was = 已更正。原文：
updates-more = 更早的 { $n } 条更新
by-automatic = 自动
by-person = 由我们的团队撰写
promises = 我们承诺过的更新
promise-open = 未到期
promise-kept = 已兑现
promise-missed = 未兑现
promise-withdrawn = 已撤回：并入另一事件，以那里的承诺为准
preventions = 防止再次发生
prevention-due = 计划于 { $due } 前完成
prevention-overdue = 自 { $due } 起逾期
prevention-done = 已于 { $date } 完成
prevention-dropped = 已于 { $date } 放弃，未完成
prevention-late = 已于 { $date } 完成，原定 { $due }

maintenance = 计划维护
maintenance-expect = 预期影响
maintenance-late = 用时超出计划。
past-recent = 最近结束
history-empty = 还没有任何记录。
history-limit = 更早的事件仍可通过各自的地址查看。

contact = 需要人工帮助？
contact-chat = 在线联系我们
footer-zone = 时间均为 { $zone }。
powered-by = 由 Stillhere 提供
not-found = 没有这个页面
not-found-more = 地址可能有误。所有服务的状态在这里：
