// The dialog for a new ticket. A requester asks for help, and an agent writes down what a requester said, for example on the phone.
import { Button, Group, Modal, Select, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { maxMessageLength, maxSubjectLength } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { useSession } from '../../live/use-session.js';
import type { OpenTicket } from '../../routing/page-route.js';

/** The dialog. */
export function NewTicketDialog(props: { readonly onClose: () => void; readonly onTicket: OpenTicket }) {
  const { onClose, onTicket } = props;
  const { api, me, people } = useSession();
  const { role } = me;
  const requesters = [...people.values()].filter((person) => person.role === 'requester');
  const [requesterId, setRequesterId] = useState<string | null>(null);
  const [subject, setSubject] = useState('');
  const [content, setContent] = useState('');
  const [state, setState] = useState<'writing' | 'sending' | 'failed'>('writing');
  const isComplete =
    subject.trim() !== '' && content.trim() !== '' && (role === 'requester' || requesterId !== null);
  const send = (): void => {
    setState('sending');
    api
      .createTicket({
        ...(requesterId === null ? {} : { requesterId }),
        subject: subject.trim(),
        content: content.trim(),
      })
      .then(
        (ticket) => {
          onClose();
          onTicket(ticket.id, ticket.requesterId);
        },
        () => setState('failed'),
      );
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={texts.list.create[role]}
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
        {role === 'agent' && (
          <Select
            label={texts.create.requester}
            placeholder={texts.create.requesterHint}
            required
            data-autofocus
            mb="sm"
            data={requesters.map(({ id, fullName }) => ({ value: id, label: fullName }))}
            value={requesterId}
            onChange={setRequesterId}
          />
        )}
        <TextInput
          label={texts.create.subject}
          placeholder={texts.create.subjectHint}
          maxLength={maxSubjectLength}
          required
          data-autofocus={role === 'requester' ? true : undefined}
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
            {texts.create.failed[role]}
          </p>
        )}
        <Group justify="flex-end" mt="md" gap="xs">
          <Button variant="default" onClick={onClose}>
            {texts.create.cancel}
          </Button>
          <Button type="submit" loading={state === 'sending'} disabled={!isComplete}>
            {texts.create.send[role]}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
