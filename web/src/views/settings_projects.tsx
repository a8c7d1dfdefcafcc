import { useState } from 'preact/hooks'
import { admin, type Project } from '../account_api'
import { t } from '../i18n'
import { attempt, confirmed, Panel, shownTime, useLoaded } from './action'

export function ProjectsTab() {
  const [projects, reload] = useLoaded(admin.projects)
  const [name, setName] = useState('')
  if (!projects) return null
  const create = async (event: Event) => {
    event.preventDefault()
    if (!(await attempt(() => admin.createProject(name)))) return
    setName('')
    await reload()
  }
  const archive = async (project: Project) => {
    if (!confirmed('project.archive.confirm', { name: project.name })) return
    if (await attempt(() => admin.archiveProject(project.id))) await reload()
  }
  return (
    <Panel title="settings.projects" about="project.about">
      <form class="line" onSubmit={create}>
        <input value={name} onInput={(e) => setName(e.currentTarget.value)} placeholder={t('project.name')}
          aria-label={t('project.name')} maxLength={60} required data-test="project-name" />
        <button type="submit" class="primary" data-test="create-project">{t('project.create')}</button>
      </form>
      <ul class="rows">
        {projects.map((project, i) => (
          <li key={project.id}>
            <span>
              <strong>{project.name}</strong>
              <code>{project.id}</code>
              <small>{project.status === 'archived' ? t('project.archived') : shownTime(project.created_at)}</small>
            </span>
            {project.status === 'active' && i < projects.length - 1 && (
              <button type="button" onClick={() => archive(project)}>{t('project.archive')}</button>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  )
}
