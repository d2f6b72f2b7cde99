# `stillhere demo` 的商店。

title = 灯笼商店
tag = 两台小服务器经营的纸灯笼店
to-status = 状态页
language = English
buy-title = 红灯笼
buy-text = 手工折纸，暖光。购买时会询问一个结账节点，该节点再询问数据库。
buy = 买一个
bought-none = 还没有购买。
bought-ok = 购买成功。订单 { $order } 由节点 { $node } 受理，用时 { $took_ms } 毫秒。
bought-second = 购买成功。订单 { $order } 由节点 { $node } 受理，用时 { $took_ms } 毫秒；另一个节点先前失败了。
bought-failed = 购买失败：两个节点都没有受理订单。{ $took_ms } 毫秒后，顾客看到的就是这个。

break-title = 弄坏它
break-text = 每个按钮都会改变本机上一台真实服务器的行为。没有人通知状态页：它每秒查看一次，自己发现。
mend-all = 全部修好

part-node-a = 结账，节点 A
part-node-b = 结账，节点 B
part-database = 数据库
part-search = 搜索
role-node-a = 受理订单。任一节点都能独立承担全部工作。
role-node-b = 受理订单。任一节点都能独立承担全部工作。
role-database = 两个节点都需要它。留意状态页如何描述“结账”。
role-search = 不依赖谁，也没有谁依赖它。

now-well = 正常
now-killed = 已终止：拒绝连接
now-frozen = 已冻结：接受连接，从不应答
now-slow = 变慢：0.7 秒后才应答
now-failing = 出错：返回 500 错误
do-killed = 终止
do-frozen = 冻结
do-slow = 变慢
do-failing = 让它出错
do-well = 修好

job-title = 夜间报表
job-text = 夜里运行的任务无法从外面查看，所以它每次运行后都会发来心跳。这里的一夜是两秒。心跳停止后，状态页会等过宽限时间（约六秒）才下结论。
job-running = 正在报告
job-fails = 报告自己失败
job-stopped = 没有声音
job_do-running = 重新运行
job_do-fails = 让它失败
job_do-stopped = 停止

try-title = 值得一试
try-one = 终止一个节点：结账少了一半，但顾客仍能购买。再终止另一个。
try-two = 终止数据库：结账随之失败，状态页会指出问题始于数据库。
try-three = 冻结搜索：没有拒绝，也没有应答。这绝不能看起来像“正常”。
help-title = 帮助
help-text = 状态页把这里列为商店的联系方式。在您自己的页面上，这里是您的电话、在线客服和邮箱。
local = 只有本机能打开此页面。
problem-not-found = 本店没有这个页面。
problem-foreign = 这个请求不是来自商店自己的页面，因此什么都没有改变。
problem-part = 无法更改：{ $why }
back = 返回商店
