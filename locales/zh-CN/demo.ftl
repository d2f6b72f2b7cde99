# `stillhere demo`：商店，以及用来弄坏它的页面。

title = 灯笼商店
control-title = 灯笼商店 · 柜台后面
control-tag = 两台小服务器卖纸灯笼。Stillhere 站在它们前面，也看着它们。弄坏它们，看看顾客会遇到什么。
to-status = 状态页
to-shop = 打开商店
to-control = 弄坏它
language = English
gone = 演示已不再回应。这里显示的是旧内容。

# 顾客看到的商店。% 代表数字或回执的开头，@ 代表节点。
shop-lantern = 红灯笼
shop-lantern-text = 手工折纸，暖光。
shop-order = 订购一个
shop-sold = 开店以来售出 % 个灯笼
shop-orders = 您的订单
shop-orders-none = 还没有订单。
shop-from = 本页面来自两个节点中的节点 @，下次点击可能由另一个节点接待。
shop-no-script = 没有 JavaScript 时，订单的请求头里不带密钥。如果连接恰好在此时断开，我们会如实告诉您：没有人知道结果。
shop-no-database = 商店暂时无法查阅账本，因此不接受订单。
shop-not-found = 本店没有这个页面。
banner-back = 商店恢复了。
order-sending = 订单正在发送。
order-waiting = 商店尚未回应。您的订单带有密钥：无论等多久，都只执行一次。
order-done = 谢谢。订单 % 由节点 @ 受理。
order-late = 已完成。订单 % 由节点 @ 受理，只执行了一次。
order-kept = 您的订单已保存（回执 %…）。商店恢复后会转交一次，请勿重复订购。
order-checking = 您的订单已发出，但没有收到回答（回执 %…）。我们正在核实，请勿重复订购。
order-refused = 这个订单没有执行，您可以重新订购。
order-no-way = 同一订单会带着同一密钥再次发送，因此仍是一个订单。
order-row = 订单 %，由节点 @ 受理
order-waits = 回执 %…：已保存，尚未转交

# 顾客得到了什么。
crowd-title = 顾客此刻得到了什么
crowd-text = 每秒有二十个请求经由边缘节点来到商店，其中五分之一是带密钥的订单。每个请求按真实收到的回答计数，每个订单按账本计数。
says = 状态页对结账的说法：
says-operational = 正常
says-under-maintenance = 计划维护
says-degraded-performance = 缓慢或不稳定
says-partial-outage = 部分中断
says-major-outage = 中断
says-unknown = 无法看到
crowd-on = 让顾客进来
crowd-off = 请顾客回家
crowd-forget = 重新计数
crowd-served = 已接待
crowd-served-note = 得到了想要的页面或订单
crowd-waited = 其中等待过
crowd-longest = 超过一秒；最长 { $seconds } 秒
crowd-told = 已告知
crowd-told-note = 用他们的语言说明情况
crowd-kept = 保存的订单
crowd-late = 等待转交；已有 { $count } 个随后完成
crowd-errors = 商店的错误
crowd-errors-note = 由节点自己回答
crowd-lost = 丢失
crowd-lost-note = 被切断，或承诺了却没做
crowd-doubled = 重复
crowd-doubled-note = 执行了两次的订单
strip-title = 最近一分钟：
strip-served = 已接待
strip-waited = 等待后接待
strip-told = 已告知
strip-bad = 错误或丢失

break-title = 弄坏它
break-text = 每个按钮都会改变本机上一台真实服务器的行为。没有人通知 Stillhere：边缘节点从顾客那里察觉，状态页自己去看。
restart = 重启两个节点（3 秒）
restarting = 两个节点正在重启。
pause = 暂停商店
resume = 让商店继续
mend-all = 全部修好

part-node-a = 结账，节点 A
part-node-b = 结账，节点 B
part-database = 数据库
part-search = 搜索
role-node-a = 提供商店页面并受理订单。任一节点都能独立承担全部工作。
role-node-b = 提供商店页面并受理订单。任一节点都能独立承担全部工作。
role-database = 两个节点都需要它。每个密钥的订单它只执行一次。
role-search = 不依赖谁，也没有谁依赖它。

now-well = 正常
now-killed = 已终止：拒绝连接
now-frozen = 已冻结：接受连接，从不应答
now-slow = 变慢：0.7 秒后才应答
now-failing = 出错：返回 503 错误
do-killed = 终止
do-frozen = 冻结
do-slow = 变慢
do-failing = 让它出错
do-well = 修好

ledger-title = 账本
ledger-text = 数据库中最新的订单。请求超过一次，说明有人（边缘节点或顾客）重复发送过。执行次数必须始终是 1。
ledger-number = 订单
ledger-key = 密钥
ledger-no-key = 无
ledger-node = 节点
ledger-asked = 请求次数
ledger-done = 执行次数

job-title = 夜间报表
job-text = 夜里运行的任务无法从外面查看，所以它每次运行后都会发来心跳。这里的一夜是两秒。心跳停止后，状态页会等过宽限时间（约六秒）才下结论。
job-running = 正在报告
job-fails = 报告自己失败
job-stopped = 没有声音
job_do-running = 重新运行
job_do-fails = 让它失败
job_do-stopped = 停止

try-title = 按顺序看这个故事
try-one = 在另一个窗口打开商店，然后终止节点 A。顾客毫无察觉；状态页显示“部分中断”。
try-both = 再终止节点 B。所有人先等五秒，因为多数中断只是重启；之后他们会被告知情况。此时点“订购一个”，订单会保存并给出回执。全部修好：订单执行一次。
try-restart = 重启两个节点。三秒内商店完全不在，却没有人看到错误：他们等待，然后继续。
try-freeze = 冻结节点 A。它接受每个连接却从不应答，这是最糟的一种故障。几乎没有人察觉。
try-pause = 像部署前那样暂停商店。没有人被拒绝；等待超过五秒的人会被告知：这是暂停，不是故障。
try-database = 终止数据库。两个节点都活着却什么也做不了；状态页会指出问题始于数据库。
help-title = 帮助
help-text = 状态页把这里列为商店的联系方式。在您自己的页面上，这里是您的电话、在线客服和邮箱。
local = 只有本机能打开此页面。
problem-not-found = 这里没有这个页面。
problem-foreign = 这个请求不是来自本页面自己，因此什么都没有改变。
problem-part = 无法更改：{ $why }
back = 返回商店
back-to-control = 返回
