/**
 * The used parts of the SDK of AWS, in a module that is loaded for Amazon ECR only. The command has it in a file of its own.
 */
export { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
export {
  ECRPUBLICClient,
  GetAuthorizationTokenCommand as GetPublicAuthorizationTokenCommand,
} from '@aws-sdk/client-ecr-public';
