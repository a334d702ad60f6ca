// The theme of the component library, in the product's colours and type.
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

const weir: MantineColorsTuple = [
  '#e6f4f1',
  '#cfe8e3',
  '#a3d3ca',
  '#73bdb0',
  '#4ba99a',
  '#2b9485',
  '#137c6f',
  '#0b6b62',
  '#085750',
  '#04423d',
];

/** The greys of the dark scheme, in the product's tint. */
const dark: MantineColorsTuple = [
  '#e6ecea',
  '#c5cfcc',
  '#9daba6',
  '#6d7b77',
  '#3a4743',
  '#2b3633',
  '#1c2422',
  '#151b1a',
  '#111716',
  '#0d1211',
];

export const theme = createTheme({
  primaryColor: 'weir',
  primaryShade: { light: 7, dark: 6 },
  colors: { weir, dark },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  defaultRadius: 'md',
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.9375rem', lg: '1.0625rem', xl: '1.25rem' },
});

/**
 * Surfaces and borders of library components. They are set for each colour scheme, because the library's own values for the
 * scheme would otherwise override them.
 */
const surfaces = {
  '--mantine-color-body': 'var(--surface)',
  '--mantine-color-text': 'var(--ink)',
  '--mantine-color-dimmed': 'var(--muted)',
  '--mantine-color-placeholder': 'var(--muted)',
  '--mantine-color-default': 'var(--surface)',
  '--mantine-color-default-hover': 'var(--hover)',
  '--mantine-color-default-color': 'var(--ink)',
  '--mantine-color-default-border': 'var(--border-strong)',
};

export const cssVariables: CSSVariablesResolver = () => ({ variables: {}, light: surfaces, dark: surfaces });
