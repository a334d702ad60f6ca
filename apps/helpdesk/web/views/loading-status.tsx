// The status of something that is loading or failed to load.
import { Button, Loader } from '@mantine/core';
import { texts } from '../../src/texts.js';

/** A loading indicator. After a failure, it is replaced by a message and a button to try again. */
export function LoadingStatus(props: { readonly hasFailed: boolean; readonly onRetry: () => void }) {
  const { hasFailed, onRetry } = props;
  if (hasFailed) {
    return (
      <>
        <p role="alert">{texts.loading.failed}</p>
        <Button variant="default" size="sm" onClick={onRetry}>
          {texts.loading.retry}
        </Button>
      </>
    );
  }
  return (
    <>
      <Loader size="sm" aria-hidden="true" />
      <p role="status">{texts.loading.loading}</p>
    </>
  );
}
