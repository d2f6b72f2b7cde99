// That it is still the same person: what changes how one comes in asks for the password again, and for a code where codes are on.
import { Trouble } from '../api';
import { span } from '../when';
import { t } from '../words';

export class Proof {
  password = $state('');
  code = $state('');
  /** The server asks for a code, too. */
  coded = $state(false);
  /** What is wrong with what was typed. */
  wrong = $state('');
  /** Any other refusal. */
  refused = $state<unknown>();
  busy = $state(false);

  /** As the API takes it. */
  get body(): { password: string; code?: string } {
    return { password: this.password, ...(this.coded && this.code.trim() ? { code: this.code.trim() } : {}) };
  }

  forget(): void {
    this.password = this.code = this.wrong = '';
    this.refused = undefined;
  }

  /** Whether it was done. */
  async of(what: () => Promise<unknown>): Promise<boolean> {
    this.busy = true;
    this.wrong = '';
    this.refused = undefined;
    try {
      await what();
      return true;
    } catch (e) {
      if (e instanceof Trouble && e.kind === 'code-needed') {
        // Asked for a second time it was forgotten; the first time it was not known to be needed.
        if (this.coded) this.wrong = t('code-needed');
        this.coded = true;
      } else if (e instanceof Trouble && e.kind === 'wrong-credentials') this.wrong = t(this.coded ? 'password-code-wrong' : 'password-wrong');
      else if (e instanceof Trouble && e.status === 429 && e.retryAfterS) this.wrong = t('sign-in-slow', { time: span(e.retryAfterS * 1_000) });
      else this.refused = e;
      // A code is good once, and may have been used up by a try that failed for another reason.
      if (this.coded) this.code = '';
      return false;
    } finally {
      this.busy = false;
    }
  }
}
