import { ShareOfTenant, type Waiting } from './share.js';

export type { Waiting };

export interface GroupLimits {
  items: number;
  weight: number;
  /** Up to this weight a group is light. Tenants share light ones only: nobody waits for what another sends at once. */
  light: number;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * A queue from which groups are taken: whatever waits when there is room for a group goes together. So one alone is never
 * held up, and the more come, the more share the cost of a transaction (group commit, as DeWitt et al. 1984 have it,
 * "Implementation techniques for main memory database systems").
 *
 * Tenants take turns by the weight that each has had (start-time fair queuing, Goyal et al. 1996): one that sends as
 * much as it can waits for itself, not the others for it.
 */
export class GroupQueue<Item> {
  private readonly shares = new Map<string, ShareOfTenant<Item>>();
  private readonly busy = new Set<string>();
  private waitingWeight = 0;
  /** What the tenant whose turn it last was had had before: who comes after a rest begins here. */
  private turn = 0;

  constructor(private readonly limits: GroupLimits) {}

  /** What waits, in the unit of the limit. */
  get weight(): number {
    return this.waitingWeight;
  }

  /**
   * Whether more of a tenant may wait: while what waits of it is no more than what is left of `max` for all. However many
   * there are, and however much they send, there is room for one more tenant (dynamic thresholds, Choudhury and Hahne
   * 1998); one alone may have half.
   */
  hasRoom(tenant: string, max: number): boolean {
    const own = this.shares.get(tenant)?.weight ?? 0;
    return own <= max - this.waitingWeight;
  }

  add(one: Waiting<Item>): void {
    this.shareOf(one.tenant).add(one);
    this.waitingWeight += one.weight;
  }

  /**
   * The next group: of each tenant in the order of arrival, one of an owner, none of one that is busy. Its owners are busy
   * from here on.
   *
   * @param most `LIGHT`: a light one, of tenants whose next is no more
   * @param gathering tenants of which none is taken whose next is light
   */
  take(most: 'ANY' | 'LIGHT' = 'ANY', gathering: ReadonlySet<string> = NONE): Waiting<Item>[] {
    const { items, light } = this.limits;
    let weightMax = most === 'LIGHT' ? light : this.limits.weight;
    const group: Waiting<Item>[] = [];
    let weight = 0;
    const open = [...this.shares.values()].filter((share) => {
      if (!share.begin(this.busy)) return false;
      return share.next!.weight <= light ? !gathering.has(share.next!.tenant) : most === 'ANY';
    });
    while (group.length < items) {
      const share = leastServed(open);
      const one = share?.next;
      if (one == null) break;
      if (group.length > 0 && one.tenant !== group[0].tenant) weightMax = light;
      // What finds no room is first in the next group: nothing overtakes it.
      if (group.length > 0 && weight + one.weight > weightMax) break;
      this.turn = Math.max(this.turn, share!.served);
      this.busy.add(one.key);
      share!.take();
      group.push(one);
      weight += one.weight;
    }
    this.waitingWeight -= weight;
    this.settle();
    return group;
  }

  /** Tenants of those that are light by themselves. */
  tenantsOfSmall(taken: readonly Waiting<Item>[]): Set<string> {
    return new Set(taken.filter(({ weight }) => weight <= this.limits.light).map(({ tenant }) => tenant));
  }

  isLight(group: readonly Waiting<Item>[]): boolean {
    return group.reduce((weight, one) => weight + one.weight, 0) <= this.limits.light;
  }

  /** The owner's next may be taken. */
  release({ key }: Waiting<Item>): void {
    this.busy.delete(key);
  }

  /** What was taken and could not be done yet: the next of its tenant to be taken, and not counted as had. */
  putBack(some: readonly Waiting<Item>[]): void {
    for (const one of some.toReversed()) {
      this.busy.delete(one.key);
      this.shareOf(one.tenant).putBack(one);
      this.waitingWeight += one.weight;
    }
  }

  private shareOf(tenant: string): ShareOfTenant<Item> {
    let share = this.shares.get(tenant);
    if (share === undefined) this.shares.set(tenant, (share = new ShareOfTenant(this.turn)));
    return share;
  }

  /** Who is owed nothing, and has nothing waiting, is forgotten. */
  private settle(): void {
    for (const [tenant, share] of this.shares) {
      share.end(this.turn);
      if (share.isEmpty && share.served <= this.turn) this.shares.delete(tenant);
    }
  }
}

/** Of those with something to be taken; the first of several. */
function leastServed<Item>(shares: readonly ShareOfTenant<Item>[]): ShareOfTenant<Item> | undefined {
  let least: ShareOfTenant<Item> | undefined;
  for (const share of shares)
    if (share.next !== null && (least === undefined || share.served < least.served)) least = share;
  return least;
}
