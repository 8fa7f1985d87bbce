/** The page at `/`: says what answers here. Links are relative, so that they work through YARN's proxy. */
import type { MasterView } from './master-view.js'
import { escapeHtml, jobSummary } from './views/job-view.js'

export function frontPage(master: MasterView): string {
  const { name, status } = master.application.details()
  const jobs = master.dispatcher.jobs().map((job) => jobSummary(job, master.environment.clock.now()))
  const rows = jobs.map(
    (job) =>
      `<tr><td><a href="jobs/${job.jid}">${escapeHtml(job.name)}</a></td><td>${job.state}</td><td>${job.tasks.running}/${job.tasks.total}</td></tr>`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(name)} - Weft</title></head>
<body><h1>${escapeHtml(name)}</h1>
<p>Weft JobManager, application ${status}. Its REST API answers here:
<a href="overview">overview</a>, <a href="jobs/overview">jobs</a>, <a href="taskmanagers">TaskManagers</a>,
<a href="jobmanager/config">configuration</a>, <a href="applications/${master.application.id}">application</a>.</p>
<table border="1"><tr><th>Job</th><th>State</th><th>Tasks running</th></tr>${rows.join('')}</table>
</body></html>
`
}
