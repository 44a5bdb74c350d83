/** What other modules may use of deployments. */
export { DeploymentObservers, type DeploymentNews, type DeploymentObserver } from './deployment.observers.js';
export { DeploymentService, type OrderedDeployment } from './deployment.service.js';
export type { DeploymentOrder } from './deployment.order.js';
