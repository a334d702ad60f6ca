// The dialog for a new ticket.
import { Button, Group, Modal, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { maxMessageLength } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { useWorkspace } from '../use-workspace.js';

/** The dialog. */
export function NewTicket({ onClose }: { readonly onClose: () => void }) {
  const workspace = useWorkspace();
  const [subject, setSubject] = useState('');
  const [content, setContent] = useState('');
  const [state, setState] = useState<'writing' | 'sending' | 'failed'>('writing');
  const isComplete = subject.trim() !== '' && content.trim() !== '';
  const send = (): void => {
    setState('sending');
    workspace.createTicket(subject.trim(), content.trim()).then(onClose, () => setState('failed'));
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={texts.create.title}
      closeButtonProps={{ 'aria-label': texts.create.close }}
      centered
      radius="lg"
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isComplete) send();
        }}
      >
        <TextInput
          label={texts.create.subject}
          placeholder={texts.create.subjectHint}
          maxLength={140}
          required
          data-autofocus
          value={subject}
          onChange={(event) => setSubject(event.currentTarget.value)}
        />
        <Textarea
          label={texts.create.content}
          placeholder={texts.create.contentHint}
          rows={5}
          mt="sm"
          maxLength={maxMessageLength}
          required
          value={content}
          onChange={(event) => setContent(event.currentTarget.value)}
        />
        {state === 'failed' && (
          <p role="alert" className="change-failed">
            {texts.create.failed}
          </p>
        )}
        <Group justify="flex-end" mt="md" gap="xs">
          <Button variant="default" onClick={onClose}>
            {texts.create.cancel}
          </Button>
          <Button type="submit" loading={state === 'sending'} disabled={!isComplete}>
            {texts.create.send}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
