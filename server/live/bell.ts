/** What a subscriber waits by: rung when there is news, silent for good once closed. */
export class Bell {
  private wake: (() => void) | null = null;
  private closed = false;

  /** Waits until there is news; false once closed. */
  async rung(isNews: () => boolean): Promise<boolean> {
    if (!isNews() && !this.closed) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = null;
    }
    return !this.closed;
  }

  ring(): void {
    this.wake?.();
  }

  close(): void {
    this.closed = true;
    this.wake?.();
  }
}
