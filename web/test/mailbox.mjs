// A mail server of a test: it takes what it is given, and finds the link in an alert.
import net from 'node:net';

/** Takes every mail and keeps it. */
export class Mailbox {
  static start() {
    const it = new Mailbox();
    it.mails = [];
    it.server = net.createServer(socket => it.take(socket.setEncoding('utf8')));
    return new Promise(resolve => it.server.listen(0, '127.0.0.1', () => { it.port = it.server.address().port; resolve(it); }));
  }
  take(socket) {
    let rest = '', mail = null;
    const say = line => socket.write(`${line}\r\n`);
    say('220 mailbox ESMTP');
    socket.on('error', () => {}).on('data', data => {
      const lines = (rest + data).split('\r\n');
      rest = lines.pop();
      for (const line of lines) {
        if (mail !== null && line !== '.') mail.push(line);
        else if (mail !== null) { this.mails.push(mail.join('\n')); mail = null; say('250 kept'); }
        else if (line.startsWith('EHLO')) say('250-mailbox\r\n250 8BITMIME');
        else if (line === 'DATA') { mail = []; say('354 go on'); }
        else if (line === 'QUIT') { say('221 bye'); socket.end(); }
        else say('250 fine');
      }
    });
  }
  /** The path of the link in the newest mail about `what`. */
  link(what) {
    const mail = this.mails.findLast(m => m.split('\n\n')[0].includes(what));
    return mail?.replaceAll('=\n', '').match(/\/act\/[\w-]+/)?.[0];
  }
}
