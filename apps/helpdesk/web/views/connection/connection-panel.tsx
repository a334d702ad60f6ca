// The foot of a pane: how fast events arrive, the cable to pull, and what that has cost.
import { Button, CloseButton, Tooltip } from '@mantine/core';
import { PencilIcon, PlugIcon, UnplugIcon } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { texts } from '../../../src/texts.js';
import type { CableReport } from '../../state/workspace-state.js';
import type { Desk } from '../../workspace/workspace.js';
import { duration } from '../times.js';
import { useDesk, useDeskState } from '../use-workspace.js';
import { LatencyChart } from './latency-chart.js';
import { useScript } from './use-scripted-messages.js';

/** The line of a person. `other`: who can write meanwhile. */
export function LinePanel({ other }: { readonly other?: Desk | undefined }) {
  const desk = useDesk();
  const cable = useDeskState((state) => state.cable);
  return (
    <footer className="line" aria-label={texts.line.label}>
      {cable.kind === 'pulled' && <Pulled sinceMs={cable.sinceMs} other={other} />}
      {cable.kind === 'plugged' && cable.report !== null && <Report report={cable.report} />}
      <div className="line-strip">
        <LatencyFigure />
        <div className="line-end">
          {cable.kind === 'pulled' ? (
            <Button color="weir" size="sm" leftSection={<PlugIcon />} onClick={() => desk.plugCable()}>
              {texts.line.plug}
            </Button>
          ) : (
            <Button
              variant="default"
              size="sm"
              leftSection={<UnplugIcon />}
              loading={cable.kind === 'returning'}
              onClick={() => desk.pullCable()}
            >
              {texts.line.pull}
            </Button>
          )}
        </div>
      </div>
    </footer>
  );
}

function Pulled({ sinceMs, other }: { readonly sinceMs: number; readonly other: Desk | undefined }) {
  const desk = useDesk();
  const seconds = useSecondsSince(sinceMs);
  return (
    <div className="pulled" data-testid="pulled">
      <p className="pulled-text">
        <strong>{texts.line.pulledTitle}</strong> <span className="pulled-clock">{clockOf(seconds)}</span>{' '}
        {texts.line.pulledBody(firstName(desk))}
      </p>
      {other !== undefined && <LetWrite other={other} />}
    </div>
  );
}

function LetWrite({ other }: { readonly other: Desk }) {
  const { isWriting, write } = useScript(other);
  const name = firstName(other);
  return (
    <Button size="xs" variant="default" leftSection={<PencilIcon />} disabled={isWriting} onClick={write}>
      {isWriting ? texts.line.writing(name) : texts.line.letWrite(name)}
    </Button>
  );
}

function Report({ report }: { readonly report: CableReport }) {
  const desk = useDesk();
  const isReplay = report.way === 'replay';
  return (
    <div className="report" role="status" aria-label={texts.line.reportTitle} data-testid="report">
      <dl style={{ display: 'contents' }}>
        <Figure name="away" label={texts.line.away}>
          {duration(report.awayMs)}
        </Figure>
        <Figure
          name={report.way}
          label={isReplay ? texts.line.replayed : texts.line.loaded}
          help={isReplay ? texts.line.replayedHelp : texts.line.loadedHelp}
        >
          {report.messages} <small>{texts.line.inTime(duration(report.tookMs))}</small>
        </Figure>
        <Figure
          name="lost"
          label={texts.line.lost}
          help={texts.line.lostHelp(report.expected)}
          isBad={report.lost > 0}
        >
          {report.lost}
        </Figure>
        <Figure
          name="duplicated"
          label={texts.line.duplicated}
          help={texts.line.duplicatedHelp(report.droppedRepeats)}
          isBad={report.duplicated > 0}
        >
          {report.duplicated}
        </Figure>
      </dl>
      <CloseButton
        className="report-close"
        size="sm"
        aria-label={texts.line.dismiss}
        onClick={() => desk.dismissReport()}
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
  const { samplesMs, medianMs, p95Ms, count } = useDeskState((state) => state.latency);
  const has = medianMs !== undefined && p95Ms !== undefined;
  return (
    <Help text={texts.line.latencyHelp}>
      <span className="latency" data-testid="latency">
        <span>
          <span className="latency-label">{texts.line.latency}</span>
          <br />
          <span className="latency-value">
            {has ? duration(medianMs) : '–'}{' '}
            <small>{has ? `${texts.line.slow} ${duration(p95Ms)}` : texts.line.latencyNone}</small>
          </span>
        </span>
        {has && (
          <LatencyChart
            samplesMs={samplesMs}
            label={texts.line.latencyChart(
              duration(medianMs),
              duration(p95Ms),
              Math.min(count, samplesMs.length),
            )}
          />
        )}
      </span>
    </Help>
  );
}

/** An explanation that comes by pointer and by keyboard. */
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
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  return Math.max(0, Math.floor((nowMs - sinceMs) / 1_000));
}

function clockOf(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function firstName({ me }: Desk): string {
  return me.fullName.split(' ')[0] ?? me.fullName;
}
