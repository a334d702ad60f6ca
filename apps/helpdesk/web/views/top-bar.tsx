// The bar at the top of the page: product name, links to the views, colour scheme.
import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { MoonIcon, SunIcon } from 'lucide-react';
import { Link } from 'wouter';
import type { Person } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import mark from '../icon.svg';
import { type PageRoute, pathOf, startRoute } from '../routing/page-route.js';
import { routeToView } from '../routing/people-in-route.js';

/** The top bar. */
export function TopBar(props: {
  /** The current route, or `null` on a page that does not exist. */
  readonly route: PageRoute | null;
  readonly people: readonly Person[];
}) {
  const { route, people } = props;
  return (
    <header className="top">
      <a className="brand" href="/">
        <img src={mark} alt={texts.product.name} />
        <span className="brand-name" aria-hidden="true">
          {texts.product.name}
        </span>
        <span className="brand-tagline">
          {route?.view === 'split' ? texts.product.invitation : texts.product.tagline}
        </span>
      </a>
      <nav className="views" aria-label={texts.top.views}>
        <ViewLink route={route} people={people} view="split" />
        <ViewLink route={route} people={people} view="agent" />
        <ViewLink route={route} people={people} view="requester" />
      </nav>
      <ColourSwitch />
    </header>
  );
}

function ViewLink(props: {
  readonly route: PageRoute | null;
  readonly people: readonly Person[];
  readonly view: PageRoute['view'];
}) {
  const { route, people, view } = props;
  return (
    <Link
      href={pathOf(routeToView(view, route ?? startRoute, people))}
      aria-current={route?.view === view ? 'page' : undefined}
    >
      <span className="view-long">{texts.top[view].long}</span>
      <span className="view-short">{texts.top[view].short}</span>
    </Link>
  );
}

function ColourSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const label = scheme === 'dark' ? texts.top.toLight : texts.top.toDark;
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}
    >
      {scheme === 'dark' ? <SunIcon /> : <MoonIcon />}
    </ActionIcon>
  );
}
