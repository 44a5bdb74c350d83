import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { VERSION } from '../platform/version.js';

export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Haishin')
    .setDescription(
      'Mirrors an ActiveUpdate server, republishes it, deploys it to managed products and tracks every command.',
    )
    .setVersion(VERSION)
    .setOpenAPIVersion('3.1.0')
    .addBearerAuth();
  return SwaggerModule.createDocument(app, builder.build());
}

/** `/api/openapi.json` and `/api/docs`, made when somebody asks for the first time: a start does not wait for them. */
export function installOpenApi(app: NestFastifyApplication): void {
  SwaggerModule.setup('api/docs', app, () => describeApi(app), {
    jsonDocumentUrl: 'api/openapi.json',
    customSiteTitle: 'Haishin API',
  });
}
