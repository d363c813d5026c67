/**
 * A generator's messages for one subscriber, who listens already: a change between the first message and the listening
 * would be lost. `return` does not wait for the message that is being waited for: a generator's own would, and a quiet
 * agent would keep those who have left.
 *
 * @param leave ends the listening; may be called more than once
 */
export function subscription<Message>(
  leave: () => void,
  tell: () => AsyncGenerator<Message>,
): AsyncIterableIterator<Message> {
  const messages = tell();
  return {
    next: async () => {
      try {
        const result = await messages.next();
        if (result.done) leave();
        return result;
      } catch (error) {
        leave();
        throw error;
      }
    },
    return: async () => {
      leave();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
