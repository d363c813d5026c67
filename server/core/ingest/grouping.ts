/** Something that waits to be done together with others. */
export interface Waiting<Item> {
  /** Whose it is: of one owner no two are done at a time, and the earlier comes first. */
  key: string;
  /** What it costs, in the unit of the limit. */
  weight: number;
  item: Item;
}

export interface GroupLimits {
  items: number;
  weight: number;
}

/**
 * A queue from which groups are taken: whatever waits when there is room for a group goes together. So one alone is never
 * held up, and the more come, the more share the cost of a transaction (group commit, as DeWitt et al. 1984 have it,
 * "Implementation techniques for main memory database systems").
 */
export class GroupQueue<Item> {
  private waiting: Waiting<Item>[] = [];
  private readonly busy = new Set<string>();
  private waitingWeight = 0;

  constructor(private readonly limits: GroupLimits) {}

  /** What waits, in the unit of the limit. */
  get weight(): number {
    return this.waitingWeight;
  }

  add(one: Waiting<Item>): void {
    this.waiting.push(one);
    this.waitingWeight += one.weight;
  }

  /** The next group: in the order of arrival, one of an owner, none of one that is busy. Its owners are busy from here on. */
  take(): Waiting<Item>[] {
    const group: Waiting<Item>[] = [];
    const rest: Waiting<Item>[] = [];
    let weight = 0;
    let isFull = false;
    for (const one of this.waiting) {
      // What comes after one that finds no room waits too: it may be of the same owner, and must not overtake it.
      const tooHeavy = group.length > 0 && weight + one.weight > this.limits.weight;
      isFull ||= !this.busy.has(one.key) && (group.length === this.limits.items || tooHeavy);
      if (isFull || this.busy.has(one.key)) {
        rest.push(one);
        continue;
      }
      this.busy.add(one.key);
      group.push(one);
      weight += one.weight;
    }
    this.waiting = rest;
    this.waitingWeight -= weight;
    return group;
  }

  /** The owner's next may be taken. */
  release({ key }: Waiting<Item>): void {
    this.busy.delete(key);
  }

  /** What was taken and could not be done yet: the next to be taken of all. */
  putBack(some: readonly Waiting<Item>[]): void {
    for (const one of some) {
      this.busy.delete(one.key);
      this.waitingWeight += one.weight;
    }
    this.waiting = [...some, ...this.waiting];
  }
}
