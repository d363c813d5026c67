import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import './style/base.css';
import './style/entrance.css';
import './style/bar.css';
import './style/board.css';
import './style/event.css';
import './style/narrow.css';

createRoot(document.getElementById('page') as HTMLElement).render(<App />);
