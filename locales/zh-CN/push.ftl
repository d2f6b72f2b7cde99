# 浏览器通知：订阅页提供的内容，以及关于订阅本身的通知。

sub-lead-other = 出现问题、有新进展、问题结束时告诉您。
sub-push-title = 在此浏览器中
sub-choose-push = 浏览器通知及更多选择
sub-push-lead = 立即显示通知，即使本页已关闭。无需留下地址。语言、事件和服务以上面的选择为准。
sub-push-button = 通知此浏览器
sub-push-wait = 测试通知已在路上。收到后通知即开始。
sub-push-slow = 测试通知还没有到。一旦收到，通知即开始；您可以关闭本页。
sub-push-on = 此浏览器已接收通知。
sub-push-change = 更改或停止
sub-push-denied = 此浏览器不允许本页发送通知。您可以在浏览器的网站设置中允许。
sub-push-failed = 此浏览器没有得到接收通知的地址。隐私窗口和某些浏览器得不到。
sub-manage-browser = 发送到一个浏览器。
sub-confirm-browser = 请确认有一个浏览器希望收到关于 { $site } 的通知。
sub-leave-browser = 该浏览器将不再收到任何内容，我们会删除它的地址。

note-test-title = { $site } 的通知
note-test-body = 通知可以送达：出现问题、有新进展、问题结束时，此浏览器会收到通知。
note-test-failed = 测试已送达，但通知未能开始。请再按一次页面上的按钮。
note-change = 更改或停止
note-alert-title = { $site } 的警报
note-alert-body = 警报可以送达此浏览器。
