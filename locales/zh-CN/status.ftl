# 状态用词，以及概括全局的一句话。

status-operational = 正常
status-under_maintenance = 计划维护
status-unknown = 无法看到
status-degraded_performance = 缓慢或不稳定
status-partial_outage = 部分中断
status-major_outage = 中断

day-operational = 正常
day-under_maintenance = 计划维护 { $time }
day-unknown = 有 { $time } 未能看到
day-degraded_performance = 缓慢或不稳定 { $time }
day-partial_outage = 部分中断 { $time }
day-major_outage = 中断 { $time }
day-corrected = 后经更正

headline-operational = 所有服务正常
headline-maintenance = 正在进行计划维护
headline-unknown = 目前有些服务我们无法看到
headline-unknown-all = 目前我们无法看到各项服务
headline-unknown-none = 还没有监测任何服务
headline-no-fresh-news = 自 { $time } 起没有新消息
headline-degraded = 部分服务缓慢或不稳定
headline-partial = 部分服务无法使用
headline-major = 重大中断

headline-operational-more = 我们监测的一切都响应正常。
headline-unknown-more = 看不到的服务可能正常，也可能不正常。我们不知道，所以不下结论。
headline-unknown-none-more = 一有服务就会显示在这里。
headline-no-fresh-news-more = 您看到的是当时的情况。此后发生了什么，我们不知道。
headline-not-you = 我们自己的检查也看到了问题，所以不是您的网络连接的问题。

count-operational = { $n } 项正常
count-under_maintenance = { $n } 项在计划维护中
count-unknown = { $n } 项无法看到
count-degraded_performance = { $n } 项缓慢或不稳定
count-partial_outage = { $n } 项部分中断
count-major_outage = { $n } 项中断
count-of = 共 { $of } 项服务：{ $counts }。
count-all-operational = 全部 { $n } 项服务正常。
count-all-under_maintenance = 全部 { $n } 项服务都在计划维护中。
count-all-unknown = 全部 { $n } 项服务都无法看到。
count-all-degraded_performance = 全部 { $n } 项服务都缓慢或不稳定。
count-all-partial_outage = 全部 { $n } 项服务都部分中断。
count-all-major_outage = 全部 { $n } 项服务都已中断。

incident-status-investigating = 调查中
incident-status-identified = 原因已查明
incident-status-monitoring = 已好转，观察中
incident-status-resolved = 已结束
incident-status-postmortem = 已结束，已复盘

doing-investigating = 原因尚不清楚。

maintenance-status-scheduled = 已计划
maintenance-status-in_progress = 进行中
maintenance-status-verifying = 检查中
maintenance-status-completed = 已完成
maintenance-status-cancelled = 已取消

expect-operational = 您应该不会察觉到任何变化。
expect-under_maintenance = 在此期间服务可能无法使用。
expect-unknown = 在此期间我们可能无法看到服务的状态。
expect-degraded_performance = 在此期间服务可能缓慢或不稳定。
expect-partial_outage = 在此期间部分功能无法使用。
expect-major_outage = 在此期间服务无法使用。


own-uplink-down = 自 { $time } 起，我们自己的网络出口中断。恢复之前我们无法看到各项服务；这并不说明服务本身有问题。
own-falling-behind = 自 { $time } 起，我们的检查晚于应有的时间。您看到的内容可能比平时旧。
own-store-failing = 自 { $time } 起，我们能看到发生的事，但无法记录。历史记录可能会有缺口。
