/** Something that waits to be done together with others. */
export interface Waiting<Item> {
  /** Between these what is done is shared out evenly. */
  tenant: string;
  /** Whose it is: of one owner no two are done at a time, and the earlier comes first. An owner is of one tenant. */
  key: string;
  /** What it costs, in the unit of the limit. */
  weight: number;
  item: Item;
}

/** What waits of one tenant, and what it has had. */
export class ShareOfTenant<Item> {
  /** The first that may be taken now; null: none. Known between `begin` and `end`. */
  next: Waiting<Item> | null = null;
  weight = 0;
  private waiting: Waiting<Item>[] = [];
  private busy: ReadonlySet<string> = new Set();
  /** Place of `next`, and what before it is not to be taken now. */
  private at = 0;
  private passed: Waiting<Item>[] = [];

  /** @param served weight that it has had, of all time; only the difference to others' means anything. */
  constructor(public served: number) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  add(one: Waiting<Item>): void {
    this.waiting.push(one);
    this.weight += one.weight;
  }

  putBack(one: Waiting<Item>): void {
    this.waiting.unshift(one);
    this.weight += one.weight;
    this.served -= costOf(one);
  }

  /** Looks for what may be taken. @returns whether there is any. */
  begin(busy: ReadonlySet<string>): boolean {
    this.busy = busy;
    this.at = 0;
    this.passed = [];
    this.find();
    return this.next !== null;
  }

  /** Takes `next`, whose owner is busy from now on. */
  take(): void {
    const one = this.next!;
    this.weight -= one.weight;
    this.served += costOf(one);
    this.at++;
    this.find();
  }

  /** @param turn where it stands at least, where nothing more of it could be taken: it makes no claim to what it could not use */
  end(turn: number): void {
    this.waiting = this.at === 0 ? this.waiting : [...this.passed, ...this.waiting.slice(this.at)];
    if (this.next === null) this.served = Math.max(this.served, turn);
    this.at = 0;
    this.passed = [];
    this.next = null;
  }

  private find(): void {
    while (this.at < this.waiting.length && this.busy.has(this.waiting[this.at].key)) {
      this.passed.push(this.waiting[this.at]);
      this.at++;
    }
    this.next = this.waiting[this.at] ?? null;
  }
}

/** Nothing is for nothing: each takes a place in a group. */
function costOf({ weight }: Waiting<unknown>): number {
  return Math.max(1, weight);
}
