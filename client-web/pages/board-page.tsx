import { useCallback, useEffect } from 'react';
import type { Viewer } from '../../client/connection/check.js';
import { describeFailure } from '../../client/connection/describe.js';
import { notify } from '../../client/feeds/context.js';
import { visibleAgents } from '../../client/feeds/fleet-feed.js';
import { useNow } from '../../client/hooks/use-now.js';
import { useStore } from '../../client/hooks/use-store.js';
import { firing, newestFirst } from '../../client/model/alerts.js';
import { closeAlert, useOpenedAlert } from '../address.js';
import type { Board } from '../board.js';
import { EventDialog } from '../widgets/event-dialog.js';
import { EventList } from '../widgets/event-list.js';
import { FiringList } from '../widgets/firing-list.js';
import { Header } from '../widgets/header.js';
import { NotifySwitch } from '../widgets/notify-switch.js';
import { ServerList } from '../widgets/server-list.js';

/** Roles that may acknowledge. */
const MANAGERS: readonly Viewer['role'][] = ['OPERATOR', 'ADMIN'];

export interface BoardPageProps {
  board: Board;
  viewer: Viewer;
  onSignOut: () => void;
}

/** What fires, what happened, and which servers there are. */
export function BoardPage({ board, viewer, onSignOut }: BoardPageProps) {
  const { context, push } = board;
  const nowMs = useNow(context.now);
  const link = useStore(context.link.state);
  const alerts = useStore(board.alerts.state);
  const fleet = useStore(board.fleet.state);
  const notice = useStore(context.notice);
  const opened = useOpenedAlert();
  const burning = firing(alerts.book);
  const firingAgents = new Set(burning.map(({ agent }) => agent?.id));
  const acknowledge = useAcknowledge(board);
  const acknowledgeIf = MANAGERS.includes(viewer.role) ? acknowledge : null;
  useTitle(burning.length);
  return (
    <>
      <Header
        link={link}
        viewer={viewer}
        nowMs={nowMs}
        onRetry={() => void context.link.retry()}
        onSignOut={onSignOut}
      />
      <NotifySwitch push={push} />
      <main className="board">
        <FiringList
          events={burning}
          rules={alerts.rules}
          loaded={alerts.loaded}
          nowMs={nowMs}
          onAcknowledge={acknowledgeIf}
        />
        <ServerList
          agents={visibleAgents(fleet.agents, '')}
          live={fleet.live}
          firing={firingAgents}
          loaded={fleet.loaded}
          nowMs={nowMs}
        />
        <EventList
          events={newestFirst(alerts.book)}
          current={new Set(burning.map(({ id }) => id))}
          rules={alerts.rules}
          loaded={alerts.loaded}
          older={alerts.older}
          nowMs={nowMs}
          onOlder={() => void board.alerts.loadOlder()}
        />
      </main>
      {opened !== null && (
        <EventDialog
          key={opened}
          id={opened}
          alerts={board.alerts}
          book={alerts.book}
          nowMs={nowMs}
          onAcknowledge={acknowledgeIf}
          onClose={closeAlert}
        />
      )}
      <div className="notices" role="status">
        {notice !== null && notice.untilMs > nowMs && <p className={notice.bad ? 'bad' : ''}>{notice.text}</p>}
      </div>
    </>
  );
}

function useAcknowledge({ alerts, context }: Board): (id: string) => Promise<void> {
  return useCallback(
    async (id) => {
      try {
        await alerts.acknowledge(id);
      } catch (error) {
        notify(context, `not acknowledged: ${describeFailure(error)}`, true);
      }
    },
    [alerts, context],
  );
}

/** A tab in the background tells how many fire. */
function useTitle(count: number): void {
  useEffect(() => {
    document.title = `${count > 0 ? `(${count}) ` : ''}Alerts · HTTP Logs Monitor`;
  }, [count]);
}
