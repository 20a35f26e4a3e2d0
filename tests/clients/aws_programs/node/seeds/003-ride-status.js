const AWS = require("aws-sdk");
const sqs = new AWS.SQS({ region: "us-east-1" });

const params = {
  QueueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/my-queue",
  MessageBody: JSON.stringify({ rideId: 101, status: "Driver en route" }),
};

sqs.sendMessage(params, (err, data) => {
  if (err) console.error("Error:", err);
  else console.log("Message sent:", data.MessageId);
});
