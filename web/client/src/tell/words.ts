/** What only the button says: the button, that the status site will send a notification, that this tab will tell. */
export interface TellWords { ask: string; push: string; tab: string }

export const tellWords: Readonly<Record<string, TellWords>> = {
  en: { ask: 'Tell me when it is over', push: 'We will send this browser a notification when it is over. You may close this page.', tab: 'This tab will tell you. Please leave it open.' },
  'zh-CN': { ask: '恢复后告诉我', push: '恢复后我们会向本浏览器发送通知，您可以关闭本页。', tab: '本标签页会提示您，请不要关闭。' },
  de: { ask: 'Bescheid geben, wenn es vorbei ist', push: 'Wir schicken diesem Browser eine Benachrichtigung, wenn es vorbei ist. Sie können diese Seite schließen.', tab: 'Dieser Tab sagt Ihnen Bescheid. Lassen Sie ihn offen.' },
  fr: { ask: 'Me prévenir quand c’est terminé', push: 'Nous enverrons une notification à ce navigateur quand ce sera terminé. Vous pouvez fermer cette page.', tab: 'Cet onglet vous préviendra. Laissez-le ouvert.' },
  es: { ask: 'Avisarme cuando termine', push: 'Enviaremos una notificación a este navegador cuando termine. Puede cerrar esta página.', tab: 'Esta pestaña le avisará. Déjela abierta.' },
  pt: { ask: 'Avise-me quando terminar', push: 'Enviaremos uma notificação a este navegador quando terminar. Você pode fechar esta página.', tab: 'Esta aba avisará você. Deixe-a aberta.' },
  it: { ask: 'Avvisami quando è tutto risolto', push: 'Invieremo una notifica a questo browser quando sarà tutto risolto. Puoi chiudere questa pagina.', tab: 'Questa scheda ti avviserà. Lasciala aperta.' },
  ja: { ask: '復旧したら知らせる', push: '復旧したら、このブラウザーに通知を送ります。このページは閉じてもかまいません。', tab: 'このタブでお知らせします。開いたままにしてください。' },
  ko: { ask: '복구되면 알려 주세요', push: '복구되면 이 브라우저로 알림을 보내 드립니다. 이 페이지를 닫으셔도 됩니다.', tab: '이 탭에서 알려 드립니다. 열어 두시기 바랍니다.' },
  ru: { ask: 'Сообщить, когда всё закончится', push: 'Мы отправим уведомление в этот браузер, когда всё закончится. Эту страницу можно закрыть.', tab: 'Эта вкладка сообщит вам. Не закрывайте её.' },
  ar: { ask: 'أعلمني عند انتهاء العطل', push: 'سنرسل إشعارًا إلى هذا المتصفح عند انتهاء العطل. يمكنك إغلاق هذه الصفحة.', tab: 'ستُعلمك علامة التبويب هذه. اتركها مفتوحة.' },
  hi: { ask: 'ठीक होने पर मुझे बताएँ', push: 'ठीक होने पर हम इस ब्राउज़र को सूचना भेजेंगे। आप यह पेज बंद कर सकते हैं।', tab: 'यह टैब आपको बताएगा। इसे खुला रखें।' },
};
