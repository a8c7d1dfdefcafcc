// A conversation is a tree: an edited question and a second answer are siblings. What is shown is one path through it.
import type { Message } from './api'

export type Choice = Map<string, string> // parent id ('' at the root) -> the child that is shown

export function childrenOf(messages: Message[], parent: string | null): Message[] {
  return messages.filter((m) => m.parent_id === parent)
}

// From the root down, taking at each fork the chosen child, else the one that leads to the newest message.
export function shownPath(messages: Message[], choice: Choice): Message[] {
  const byId = new Map(messages.map((m) => [m.id, m]))
  const recent = new Set<string>() // the newest message and all above it
  for (let m = messages.at(-1); m; m = m.parent_id ? byId.get(m.parent_id) : undefined) recent.add(m.id)
  const byParent = Map.groupBy(messages, (m) => m.parent_id ?? '')
  const path: Message[] = []
  for (let key = ''; ; ) {
    const siblings = byParent.get(key)
    const next =
      siblings?.find((m) => m.id === choice.get(key)) ?? siblings?.find((m) => recent.has(m.id)) ?? siblings?.at(-1)
    if (!next) return path
    path.push(next)
    key = next.id
  }
}
