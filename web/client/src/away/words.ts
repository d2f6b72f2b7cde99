/** What only the page of the worker says: `auto` instead of `nothing`, and its two buttons. */
export interface AwayWords { auto: string; again: string; on: string }

export const awayWords: Readonly<Record<string, AwayWords>> = {
  en: { auto: 'You need not do anything: this page takes you back as soon as it answers again.', again: 'Try now', on: 'Continue' },
  'zh-CN': { auto: '您无需做任何事：一有响应，本页会自动带您回去。', again: '立即重试', on: '继续' },
  de: { auto: 'Sie müssen nichts tun: Diese Seite bringt Sie zurück, sobald wieder eine Antwort kommt.', again: 'Jetzt versuchen', on: 'Weiter' },
  fr: { auto: 'Vous n’avez rien à faire : cette page vous ramène dès qu’une réponse arrive.', again: 'Essayer maintenant', on: 'Continuer' },
  es: { auto: 'No tiene que hacer nada: esta página le llevará de vuelta en cuanto haya respuesta.', again: 'Probar ahora', on: 'Continuar' },
  pt: { auto: 'Você não precisa fazer nada: esta página leva você de volta assim que houver resposta.', again: 'Tentar agora', on: 'Continuar' },
  it: { auto: 'Non devi fare nulla: questa pagina ti riporta indietro appena arriva una risposta.', again: 'Prova ora', on: 'Continua' },
  ja: { auto: '何もする必要はありません。応答があり次第、このページが自動的に元の画面へ戻ります。', again: '今すぐ試す', on: '続ける' },
  ko: { auto: '아무것도 하지 않으셔도 됩니다. 응답이 오면 이 페이지가 자동으로 돌아갑니다.', again: '지금 시도', on: '계속' },
  ru: { auto: 'Делать ничего не нужно: эта страница сама вернёт вас, как только придёт ответ.', again: 'Попробовать сейчас', on: 'Продолжить' },
  ar: { auto: 'لا يلزمك فعل أي شيء: ستعيدك هذه الصفحة فور وصول رد.', again: 'حاول الآن', on: 'متابعة' },
  hi: { auto: 'आपको कुछ करने की ज़रूरत नहीं: जवाब मिलते ही यह पेज आपको अपने आप वापस ले जाएगा।', again: 'अभी कोशिश करें', on: 'जारी रखें' },
};
