// A conversation is a tree: an edited question and a second answer are siblings. What is shown is one path through it.
import type { Message } from './api'

export type Choice = Map<string, string> // parent id ('' at the root) -> the child that is shown

export function childrenOf(messages: Message[], parent: string | null): Message[] {
  return messages.filter((m) => m.parent_id === parent)
}

// From the root down, taking at each fork the chosen child, else the newest.
export function shownPath(messages: Message[], choice: Choice): Message[] {
  const byParent = new Map<string, Message[]>()
  for (const message of messages) {
    const key = message.parent_id ?? ''
    byParent.set(key, [...(byParent.get(key) ?? []), message])
  }
  const path: Message[] = []
  for (let key = ''; ; ) {
    const siblings = byParent.get(key)
    const next = siblings?.find((m) => m.id === choice.get(key)) ?? siblings?.at(-1)
    if (!next) return path
    path.push(next)
    key = next.id
  }
}
