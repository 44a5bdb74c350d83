import { Component } from './mirror/catalogue/component.entity.js';
import { Release, ReleaseFile } from './mirror/snapshot/release.entity.js';
import { ComponentPin, Snapshot, SnapshotChannel, SnapshotRelease } from './mirror/snapshot/snapshot.entity.js';
import { ApiToken } from './modules/accounts/api-token.entity.js';
import { AuditEntry } from './modules/accounts/audit.entity.js';
import { Deployment, DeploymentMember, DeploymentPart, DeploymentRing } from './modules/deploy/deployment.entity.js';
import { DeploymentPlan } from './modules/deploy/plan.entity.js';
import { Agent } from './modules/agents/agent.entity.js';
import { AgentGroup } from './modules/agents/agent-group.entity.js';
import { EnrolmentToken } from './modules/agents/enrolment-token.entity.js';
import { Download } from './modules/download/download.entity.js';
import { UpdateEvent } from './modules/download/update-event.entity.js';

/** Every entity; the drift check compares them with what the migrations make. */
export const entities = [
  Agent,
  AgentGroup,
  ApiToken,
  AuditEntry,
  Component,
  ComponentPin,
  Deployment,
  DeploymentMember,
  DeploymentPart,
  DeploymentPlan,
  DeploymentRing,
  Download,
  EnrolmentToken,
  Release,
  ReleaseFile,
  Snapshot,
  SnapshotChannel,
  SnapshotRelease,
  UpdateEvent,
];
