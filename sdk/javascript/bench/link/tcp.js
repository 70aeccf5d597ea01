/**
 * What TCP makes of a link that loses packets: one direction of one connection, round trip by round trip.
 *
 * The window grows and shrinks as RFC 5681 says, with the recovery of RFC 6675: it begins with ten packets (RFC 6928), doubles
 * until the first loss, is halved by each round trip in which something was lost, and grows by a packet a round trip otherwise.
 * Nearly all systems use CUBIC, which at a round trip of 100 ms and losses of 0.1 % and more stays in the region in
 * which it does as this does (RFC 9438, section 4.3).
 */

/** Bytes of a packet (Ethernet's 1500 without headers). */
export const MSS = 1460;
const INITIAL = 10;
/** An idle time after which a window is not believed any more (RFC 5681, section 4.1): about a retransmission timeout, in ms. */
const IDLE = 300;

export class Window {
  /** Packets. */
  size = INITIAL;
  #threshold = Infinity;
  #sent = 0;
  #lost = false;
  #endedAt = 0;
  #chance;

  /** @param {() => boolean} chance Whether a packet is lost. */
  constructor(chance) {
    this.#chance = chance;
  }

  /** How many packets may still go in this round trip. */
  get room() {
    return Math.max(0, Math.floor(this.size) - this.#sent);
  }

  /** Begins a round trip. @param {number} now In milliseconds. */
  begin(now) {
    if (now - this.#endedAt > IDLE) this.size = Math.min(this.size, INITIAL);
    this.#sent = 0;
    this.#lost = false;
  }

  /** Sends a packet: tells whether it has to be sent once more. @param {boolean} dropped By a queue that was full. */
  send(dropped = false) {
    this.#sent++;
    const lost = this.#chance() || dropped;
    this.#lost ||= lost;
    return lost;
  }

  /** Ends the round trip: all that was sent is acknowledged or known to be lost. @param {number} now */
  end(now) {
    this.#endedAt = now;
    if (this.#lost) {
      this.#threshold = Math.max(2, this.size / 2);
      this.size = this.#threshold;
    } else if (this.#sent * 2 >= this.size) {
      // A window that is not used tells nothing (RFC 7661).
      this.size = this.size < this.#threshold ? Math.min(this.size + this.#sent, Math.max(this.size + 1, this.#threshold)) : this.size + 1;
    }
  }
}

/** The link all connections share, in one direction: a rate and a queue, which drops what does not fit. */
export class Lane {
  #free = 0;

  /** @param {number} bytesPerMs @param {number} room What the queue holds, in milliseconds of the link. */
  constructor(bytesPerMs, room) {
    this.bytesPerMs = bytesPerMs;
    this.room = room;
  }

  /** When bytes that come now have passed; `null` when the queue is full. @param {number} bytes @param {number} now */
  pass(bytes, now) {
    const start = Math.max(now, this.#free);
    if (start - now > this.room) return null;
    this.#free = start + bytes / this.bytesPerMs;
    return this.#free;
  }

  /** How long the queue is, in milliseconds. @param {number} now */
  wait(now) {
    return Math.max(0, this.#free - now);
  }
}

/**
 * The rate of a long transfer, in bytes a second: MSS/RTT · sqrt(3/2)/sqrt(p) (Mathis, Semke, Mahdavi, Ott: The
 * macroscopic behavior of the TCP congestion avoidance algorithm, 1997).
 * @param {number} loss
 * @param {number} rtt In seconds.
 */
export const mathis = (loss, rtt) => (MSS / rtt) * Math.sqrt(1.5 / loss);

/** Chance from a seed: xorshift (Marsaglia, 2003), from 0 to 1. @param {number} seed */
export function dice(seed) {
  let x = (seed * 2654435761) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}
