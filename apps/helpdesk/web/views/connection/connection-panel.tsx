// The panel at the bottom of a workspace: delivery times, the button that cuts or restores the connection, and the report.
import { Button, CloseButton, Tooltip } from '@mantine/core';
import { useInterval } from '@mantine/hooks';
import { PencilIcon, PlugIcon, UnplugIcon } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useStore } from 'zustand';
import { firstNameOf } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import type { TrialReport } from '../../connection-trial/connection-trial.js';
import type { PersonSession } from '../../live/person-session.js';
import { useSession } from '../../live/use-session.js';
import { duration } from '../times.js';
import { LatencyChart } from './latency-chart.js';
import { useScriptedMessages } from './use-scripted-messages.js';

/** The connection panel. The `other` person, if there is one, can write while the connection is cut. */
export function ConnectionPanel({ other }: { readonly other?: PersonSession | undefined }) {
  const session = useSession();
  const trial = useStore(session.trial.store);
  return (
    <footer className="connection-panel" aria-label={texts.connectionPanel.label}>
      {trial.kind === 'cut' && <CutNotice sinceMs={trial.sinceMs} other={other} />}
      {trial.kind === 'idle' && trial.report !== null && <Report report={trial.report} />}
      <div className="connection-strip">
        <LatencyFigure />
        <div className="connection-buttons">
          {trial.kind === 'cut' ? (
            <Button color="weir" size="sm" leftSection={<PlugIcon />} onClick={() => session.trial.restore()}>
              {texts.connectionPanel.restore}
            </Button>
          ) : (
            <Button
              variant="default"
              size="sm"
              leftSection={<UnplugIcon />}
              loading={trial.kind === 'restoring'}
              onClick={() => session.trial.cut()}
            >
              {texts.connectionPanel.cut}
            </Button>
          )}
        </div>
      </div>
    </footer>
  );
}

function CutNotice(props: { readonly sinceMs: number; readonly other: PersonSession | undefined }) {
  const { sinceMs, other } = props;
  const session = useSession();
  const seconds = useSecondsSince(sinceMs);
  return (
    <div className="cut-notice">
      <p className="cut-notice-text">
        <strong>{texts.connectionPanel.cutTitle}</strong> {clockOf(seconds)}{' '}
        {texts.connectionPanel.cutBody(firstNameOf(session.me))}
      </p>
      {other !== undefined && <ScriptedMessagesButton other={other} />}
    </div>
  );
}

function ScriptedMessagesButton({ other }: { readonly other: PersonSession }) {
  const { isWriting, write } = useScriptedMessages(other);
  const name = firstNameOf(other.me);
  return (
    <Button size="xs" variant="default" leftSection={<PencilIcon />} disabled={isWriting} onClick={write}>
      {isWriting ? texts.connectionPanel.writing(name) : texts.connectionPanel.letWrite(name)}
    </Button>
  );
}

function Report({ report }: { readonly report: TrialReport }) {
  const { trial } = useSession();
  const isReplay = report.source === 'replay';
  return (
    <div className="report" role="status" aria-label={texts.connectionPanel.reportTitle} data-testid="report">
      <dl style={{ display: 'contents' }}>
        <Figure name="away" label={texts.connectionPanel.away}>
          {duration(report.awayMs)}
        </Figure>
        <Figure
          name={report.source}
          label={isReplay ? texts.connectionPanel.replayed : texts.connectionPanel.loaded}
          help={isReplay ? texts.connectionPanel.replayedHelp : texts.connectionPanel.loadedHelp}
        >
          {report.messages} <small>{texts.connectionPanel.inTime(duration(report.tookMs))}</small>
        </Figure>
        <Figure
          name="lost"
          label={texts.connectionPanel.lost}
          help={texts.connectionPanel.lostHelp(report.expected)}
          isBad={report.lost > 0}
        >
          {report.lost}
        </Figure>
        <Figure
          name="duplicated"
          label={texts.connectionPanel.duplicated}
          help={texts.connectionPanel.duplicatedHelp(report.droppedRepeats)}
          isBad={report.duplicated > 0}
        >
          {report.duplicated}
        </Figure>
      </dl>
      <CloseButton
        className="report-close"
        size="sm"
        aria-label={texts.connectionPanel.dismiss}
        onClick={() => trial.dismissReport()}
      />
    </div>
  );
}

function Figure(props: {
  readonly name: string;
  readonly label: string;
  readonly help?: string;
  readonly isBad?: boolean;
  readonly children: ReactNode;
}) {
  const { name, label, help, isBad = false, children } = props;
  return (
    <div className={isBad ? 'report-figure is-bad' : 'report-figure'}>
      <dt>{help === undefined ? label : <Help text={help}>{label}</Help>}</dt>
      <dd data-figure={name}>{children}</dd>
    </div>
  );
}

function LatencyFigure() {
  const { samplesMs, medianMs, p95Ms } = useStore(useSession().latency);
  const has = medianMs !== undefined && p95Ms !== undefined;
  return (
    <Help text={texts.connectionPanel.latencyHelp}>
      <span className="latency" data-testid="latency">
        <span>
          <span className="latency-label">{texts.connectionPanel.latency}</span>
          <br />
          <span className="latency-value">
            {has ? duration(medianMs) : '–'}{' '}
            <small>
              {has ? `${texts.connectionPanel.p95} ${duration(p95Ms)}` : texts.connectionPanel.latencyNone}
            </small>
          </span>
        </span>
        {has && (
          <LatencyChart
            samplesMs={samplesMs}
            label={texts.connectionPanel.latencyChart(duration(medianMs), duration(p95Ms), samplesMs.length)}
          />
        )}
      </span>
    </Help>
  );
}

/** A tooltip that opens on hover, on focus and on touch. */
function Help({ text, children }: { readonly text: string; readonly children: ReactNode }) {
  return (
    <Tooltip label={text} multiline w={280} withArrow events={{ hover: true, focus: true, touch: true }}>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <span className="help" tabIndex={0}>
        {children}
      </span>
    </Tooltip>
  );
}

function useSecondsSince(sinceMs: number): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useInterval(() => setNowMs(Date.now()), 250, { autoInvoke: true });
  return Math.max(0, Math.floor((nowMs - sinceMs) / 1_000));
}

function clockOf(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
