# 单个事件的页面。仅随其加载。

# 事件之后
postmortem = 复盘
preventions = 防止再次发生

# 备注
note-write = 写备注
note-text = 内部备注
note-more = 只有能登录这里的人看得到。不出现在任何公开页面、消息或公开记录里。
note-keep = 保存备注
note-done = 已保存，仅内部可见。
note-staff = 仅内部可见
note-by = { $name } 的备注
note-out = 删去
note-out-do = 是，永久删去
note-out-done = 内容已删去。曾有过备注这一点仍会保留。
note-was-out = { $name } 于 { $time } 删去了内容。
note-left = 比备注的上限多 { $n } 个字符

# 影响范围
reach = 谁受影响
reach-subscribers = 会收到通知
reach-mail = 邮件 { $n } 人
reach-webhook = webhook { $n } 个
reach-push = 浏览器 { $n } 个
reach-daily = 其中每天一次：{ $n }
reach-nobody = 没有人：没有订阅者关注这些服务
reach-hidden = 没有人：访客看不到此事件
reach-pages = 现在打开的状态页
reach-pages-more = 仅指本服务器，不论读者为何而来
reach-needed = 依赖受影响服务
reach-needed-none = 按现有配置，没有其他服务
reach-requests = { $time } 以来的请求
reach-requests-until = { $time } 至 { $end } 的请求
reach-answered = 正常应答
reach-failed = 以错误应答
reach-told = 没有服务器可用，由边缘代答
reach-stale = 由边缘保存的副本应答
reach-held = 曾等待；其结果已计入其他各项
reach-no-edge = { $service }：前面没有边缘，我们无法统计其访客。
reach-not-counted = { $service }：没有统计；Stillhere 从 { $time } 起才开始计数。
reach-later = 仅从那时起计数；事件始于 { $time }。
reach-silent = { $of } 个边缘中有 { $n } 个没有消息：它现在的情况不在其中。
reach-about = 是请求数，不是人数：没有保存任何可用来区分访客的信息。
