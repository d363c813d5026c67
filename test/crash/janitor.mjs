// Takes away what a rig left behind, however the rig ended: its standard input ends when the rig does.
// Ends processes whose command line names the rig's folder, unmounts what is mounted below it, and removes it.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const folder = process.argv[2];
const mounted = () =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1])
    .filter((path) => path?.startsWith(`${folder}/`));

function processes() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
process.stdin.resume();
await new Promise((resolve) => process.stdin.once('end', resolve).once('error', resolve));
for (let attempt = 0; attempt < 200; attempt++) {
  const left = processes();
  // A database that is told to end leaves no shared memory behind.
  const signal = attempt === 0 ? 'SIGQUIT' : 'SIGKILL';
  for (const pid of left) {
    try {
      process.kill(pid, 'SIGCONT');
      process.kill(pid, signal);
    } catch {
      // Gone already.
    }
  }
  if (left.length === 0) break;
  await sleep(attempt === 0 ? 1_000 : 50);
}
for (let attempt = 0; attempt < 100 && mounted().length > 0; attempt++) {
  for (const path of mounted()) {
    try {
      execFileSync('umount', [path], { stdio: 'ignore' });
    } catch {
      // Busy still.
    }
    await sleep(50);
  }
}
rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
