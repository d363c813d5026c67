import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import { Page } from './page.js';
import './style.css';

createRoot(document.getElementById('page') as HTMLElement).render(<Page />);
