import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';

/** As large as the database may grow in a long run; memory is only taken for what is written. */
const SIZE_KIB = 4 * 1024 * 1024;

/** A disk of its own for the server's data, which can be full: a tmpfs, for whoever may mount one. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** Null where nothing may be mounted: by anyone but root, and in most containers. */
  static mount(folder: string): SmallDisk | null {
    if (process.getuid?.() !== 0) return null;
    mkdirSync(folder);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_KIB}k,mode=0711`, 'hlm-crash', folder], {
        stdio: 'ignore',
      });
    } catch {
      return null;
    }
    return new SmallDisk(folder);
  }

  /** Nothing more can be written, but for some KiB. */
  fill(): void {
    const { blocks, bfree, bsize } = statfsSync(this.folder);
    this.resize(Math.ceil(((blocks - bfree) * bsize) / 1024) + 64);
  }

  free(): void {
    this.resize(SIZE_KIB);
  }

  private resize(kib: number): void {
    execFileSync('mount', ['-o', `remount,size=${kib}k`, this.folder], { stdio: 'ignore' });
  }
}
