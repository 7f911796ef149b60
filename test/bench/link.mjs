/** Limits the rate of connections to servers on this machine, with the traffic control of Linux. Needs root. */
import { execFileSync } from 'node:child_process';

export class Link {
  #rate;
  #classes = 0;

  /** @param {string} rate in the format of `tc` */
  constructor(rate) {
    this.#rate = rate;
  }

  /** @param {string} rate such as `1gbit`, for each server and direction */
  static start(rate) {
    // Packets that belong to no class are not limited.
    tc('qdisc', 'add', 'dev', 'lo', 'root', 'handle', '1:', 'htb', 'default', '0');
    return new Link(rate);
  }

  /** @param {string} host of a server on the loopback interface, with its port */
  limit(host) {
    const port = new URL(`http://${host}`).port;
    for (const end of ['sport', 'dport']) {
      this.#classes += 1;
      const id = `1:${this.#classes.toString(16)}`;
      // Packets of the loopback interface have up to 64 KiB, so smaller bursts would pass none of them.
      const limits = ['rate', this.#rate, 'burst', '256kb', 'cburst', '256kb', 'quantum', '60000'];
      tc('class', 'add', 'dev', 'lo', 'parent', '1:', 'classid', id, 'htb', ...limits);
      const match = ['u32', 'match', 'ip', end, port, '0xffff', 'flowid', id];
      tc('filter', 'add', 'dev', 'lo', 'parent', '1:', 'protocol', 'ip', ...match);
    }
  }

  stop() {
    tc('qdisc', 'del', 'dev', 'lo', 'root');
  }
}

/** @param {readonly string[]} args */
function tc(...args) {
  execFileSync('tc', args);
}
