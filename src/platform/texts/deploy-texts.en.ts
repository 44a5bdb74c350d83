/** Why a deployment stands where it stands, and what to do. */
export const deployEn = {
  'deploy.already-current': 'Already current.',
  'deploy.other-variant': 'Has the other variant of the same number; deployed only when it is asked for.',
  'deploy.newer-installed': 'Has a newer version.',
  'deploy.not-licensed': 'The licence is missing or has expired.',
  'deploy.not-supported': 'The product does not take this component.',
  'deploy.agent-blocked': 'The product is blocked.',
  'deploy.agent-pending': 'The product waits for approval.',
  'deploy.no-ring': 'No ring of the plan takes this product.',
  'deploy.too-many-failures':
    'Paused: in ring {{ring}} ({{name}}) {{measured}} failed; the limit is {{limit}}. Look at the failed products, retry them, then resume or abort.',
  'deploy.too-many-timeouts':
    'Paused: in ring {{ring}} ({{name}}) {{measured}} products gave no result in time; the limit is {{limit}}. Look whether they can be reached, then resume or abort.',
  'deploy.gate-unreachable':
    'Paused: ring {{ring}} ({{name}}) can no longer reach the success share of {{limit}} ({{measured}} so far). Retry what failed, let the ring pass, or abort.',
  'deploy.paused-by-person': 'Paused by {{actor}}. Resume or abort it.',
  'deploy.aborted-by-person': 'Aborted by {{actor}}.',
  'deploy.gate-not-open': 'The ring has not opened yet.',
  'deploy.gate-not-ended': 'Waits until enough products of the ring have ended.',
  'deploy.gate-share': 'Waits until enough products have succeeded.',
  'deploy.gate-soak': 'The share is met; the soak time runs.',
  'deploy.gate-approval': "Waits for a person's approval.",
} as const;
